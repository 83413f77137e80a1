// Package handshake brings a connection that our node has dialled to the
// point where both sides know each other: Ergo's handshake "EHS R1".
//
// Each message is a frame, 87, 1 (the version), u32 length of the value that
// follows, and an EDF value. The dialer A and the acceptor B exchange
//
//	A  Hello{sA, dA = H(sA, cookie), ""}
//	B  Hello{sB, dB = H(sB, dA, cookie), certificate digest}
//	A  Introduce{…, H(sB, cookie)}
//	B  Accept{…}, Introduce{…}
//	A  Accept{}
//
// where H is the lower-case hexadecimal SHA-256 of the texts joined by ":".
// So each side shows that it has the cookie, which itself is never sent. The
// certificate digest ties B's TLS certificate to the cookie: with it a
// self-signed certificate is as good as any, and nobody can stand in the
// middle. It is the SHA-256 of "sB:sA:cookie" and the 20 bytes of the SHA-1 of
// the certificate.
//
// Our node opens one link to each node, announces no caches, and says only
// that it acknowledges important messages. [Accept] is for nodes that are played.
package handshake
