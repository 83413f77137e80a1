// Package notify tells the outside of incidents: in one form, [Message], which a
// command gets on its standard input and a [Webhook] posts, signed as Standard
// Webhooks (standardwebhooks.com) has it. Telling never waits: what cannot be
// delivered is tried again, a bounded number of messages and of times.
package notify
