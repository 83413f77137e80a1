package schedule

import "slices"

// AtOnce is how many targets are asked about in one run. Where there are more
// they take turns.
const AtOnce = 16

// Turn is the next few targets behind the last one of the run before.
func Turn(targets []string, last *string) []string {
	if len(targets) <= AtOnce {
		return targets
	}
	i, _ := slices.BinarySearch(targets, *last+"\x00")
	targets = append(targets[i:len(targets):len(targets)], targets[:i]...)[:AtOnce]
	*last = targets[AtOnce-1]
	return targets
}
