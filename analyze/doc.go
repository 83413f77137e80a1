// Package analyze is the judgement: the ten playbooks over a window of a
// recording, findings with their evidence, and which of them cause which.
//
// It is a pure function of a replay window: [Run] reads a recording and
// returns a [Report]. It has no clock, writes nothing and draws nothing.
//
// How a report is made, and where to begin reading:
//
//   - [scene.Read] makes a scene: of every node its measured numbers over time
//     and its population, the bounded summary that one pass over its process
//     listings leaves (actors with their episodes and stalls, families, lineages);
//   - each playbook of [playbook.All] looks at the scene, walks the recording
//     again only around a suspect, and says what it found, what was in order and
//     what it could not examine;
//   - [causes.Find] tells roots from effects by rules, each a sentence about what
//     a fault leads to, and by who waits for whom;
//   - [finding.Rank] brings the findings into the order in which to act on them.
//
// Statistics are in package series, log templates in logs, profiles and
// goroutines in profiles, the questions that follow a verdict in views, and
// the forms of a report in render.
package analyze
