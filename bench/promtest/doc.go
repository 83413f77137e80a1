// Package promtest feeds what analyze export --format openmetrics writes to
// Prometheus's own parser and database, as promtool tsdb create-blocks-from
// openmetrics does. It is a module of its own, so that nothing else needs
// Prometheus:
//
//	cd bench/promtest && go test .
package promtest
