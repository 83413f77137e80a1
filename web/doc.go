// Package web lets people look at a recording: [Report] writes one HTML file to
// send, and a [Server] serves the page to walk through time.
//
// Both draw what analysis returned and what the recording held; neither
// judges. Pages are rendered here by html/template, charts are SVG drawn
// here, and one small script of our own turns links into updates in place:
// every view is a URL and works without the script. All of it is embedded.
//
// What is shown is hostile input: names, log lines and stacks come from
// whoever talks to the recorded cluster. html/template escapes them, a strict
// Content-Security-Policy stands behind that, and the handler refuses foreign
// hosts, foreign origins and every method that could change something.
//
// The package opens no files, listens on no address and has no clock: what it
// needs of them stands in [Options].
package web
