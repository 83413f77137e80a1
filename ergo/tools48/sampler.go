package tools48

// What a sampler of a node does unless it is told otherwise, and its bounds. A
// sampler over the past keeps to them.
const (
	SamplerSeconds  = 60
	SamplerLongest  = 3600 // seconds
	SamplerInterval = 5000 // ms
	SamplerShortest = 100  // ms
	SamplerBuffer   = 256  // entries
)
