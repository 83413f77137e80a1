// Package merge makes one recording of several that recorders made of one
// cluster.
//
//   - A reading that two recorders saw is told once. Two answers to one question are one
//     reading if they came closer together than a third of the time from one
//     such answer to the next: then they say nothing that one does not.
//     The witness with most answers of the question is believed; what another
//     saw further away from its answers is kept.
//   - A log line and a message of an event are one if their words, and the time that the
//     node wrote into them, are.
//   - The clocks of the recorders are reconciled by the clocks of the nodes that
//     both asked.
//   - All marks are kept. A gap of one recorder through which another saw stands
//     only where nobody saw.
//
// It judges nothing, and knows no files.
package merge
