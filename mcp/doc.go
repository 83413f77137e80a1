// Package mcp serves a cluster's inspection tools over the Model Context
// Protocol: live, or as they would have answered at any moment of a
// recording, and beside them tools that diagnose.
//
// It holds
//
//   - [Tools], the one table of what is offered. The server registers it, the
//     documentation in docs/mcp.md is generated from it, and a test walks it;
//   - [Server], made of a [Source] by [New]: tools, resources, prompts and
//     instructions, with a time limit, cancellation and recovery from panics
//     for each call;
//   - the two transports, [Server.ServeStdio] and [Server.ListenAndServe].
//
// The 48 tools of the cluster answer through an [ergo.Caller], so a recording
// and a live cluster differ only in which one is asked. Each takes one argument
// more than its live namesake, "at". A tool that refuses is a result with
// isError set, whose one text is what the live node would have said and whose
// _meta carries the live error code.
//
// The package judges nothing: verdicts come from package analyze, answers from
// package replay. It takes no action on a cluster unless [Options] allow it.
package mcp
