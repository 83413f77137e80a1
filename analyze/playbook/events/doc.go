// Package events judges how the events of each node are used over time.
package events
