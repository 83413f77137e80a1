// Package door is the way in: every listener of the project stands behind it. A
// [Door] refuses strangers (host, origin, token, content type) before anything
// of a request is decoded, and bounds what anybody can cost: connections, calls
// at the same time, headers, bodies, and the time that each may take. Those who
// wait give way to those who ask.
package door
