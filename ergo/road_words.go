package ergo

// Words are what a road is.
func (r Road) Words() string {
	switch r {
	case RoadMCP:
		return "by the 48 tools over HTTP"
	case RoadLink:
		return "by the 48 tools over a link"
	case RoadObserver:
		return "through an Observer"
	case RoadSystem:
		return "through the system application over a link"
	}
	return "in a way that is not known"
}
