package ergo

import "time"

// Promptly is how long somebody who has not answered is waited for before one goes on: asks the next beside
// it, or goes by those that have answered. Light goes half around the earth and back through a fibre in 200 ms: who takes
// longer is slow, not far. Nobody is given up by it, and who looks on does not notice it.
const Promptly = 250 * time.Millisecond

// Century is longer than any node lives: a length of time beyond it ran over, or was
// made up.
const Century = 100 * 365 * 24 * time.Hour

// Lasting is the length of time of which a node says that it is so many seconds. A node
// may say anything: beyond a century, either way, it is a century.
func Lasting[N int64 | float64](seconds N) time.Duration {
	most := N(Century / time.Second)
	return time.Duration(min(max(seconds, -most), most)) * time.Second
}
