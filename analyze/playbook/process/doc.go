// Package process finds processes that should not be there any more: families
// that grow without end, and killed processes that do not end.
package process
