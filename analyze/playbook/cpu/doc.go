// Package cpu finds nodes that burn far more CPU than they did, and the function
// and process that burn it.
package cpu
