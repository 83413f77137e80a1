// Package health puts the nodes side by side: which went away or began anew,
// whose clock is off, which log errors or fail to deliver, whose applications
// stopped, and what keeps a node from stopping.
package health
