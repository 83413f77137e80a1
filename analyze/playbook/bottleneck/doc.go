// Package bottleneck finds processes whose messages wait: because a callback
// does not return, because it waits for another process, or because more
// arrives than is handled; and pools whose workers are behind.
package bottleneck
