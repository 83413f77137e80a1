// Package link is a fleet's way to its engine, a NATS server with JetStream: it
// connects and stays connected, makes streams and buckets where they are missing,
// and publishes, keeps and watches what package shape describes. Where the engine is
// away every call fails within its context, and all goes on by itself when it is back.
package link
