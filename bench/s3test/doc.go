// Package s3test tests the shelf against a real S3 server, versitygw, which has no
// place among the dependencies of the product: it is a module of its own.
package s3test
