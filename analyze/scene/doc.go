// Package scene is what was seen: a window of a recording, and of every node in
// it the measured numbers over time and its [Population], the bounded summary
// that one pass over its process listings leaves: actors with their episodes and
// stalls, families, lineages, supervisors that fell.
//
// What only some playbooks need is read when they ask for it: links and their
// losses, absences of nodes, events, applications, log lines, stacks, heap and
// CPU profiles, and every row of a suspect's stretch ([Scene.Zoom]).
//
// It judges nothing. Whether a stall is a fault is for the playbooks to say.
package scene
