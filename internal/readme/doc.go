// Package readme runs, as a test, what the README tells its readers to type.
package readme
