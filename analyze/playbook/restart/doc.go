// Package restart finds children that die and are restarted over and over, and
// supervisors that gave up on them or are about to.
package restart
