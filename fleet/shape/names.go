package shape

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// mostName is the length of a fleet's, a cluster's or a recorder's name.
const mostName = 64

// CheckName refuses a name of a fleet, a cluster or a recorder that cannot stand
// in the names of streams and buckets. What says whose it is.
func CheckName(what, name string) error {
	bad := name == "" || len(name) > mostName
	for i := range len(name) {
		bad = bad || !plain(name[i])
	}
	if bad {
		return fmt.Errorf("%s %q: give 1 to %d letters, digits and -", what, name, mostName)
	}
	return nil
}

func plain(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-'
}

// Stream is the name of the stream of a cluster.
func Stream(fleet, cluster string) string { return "ERGO_" + fleet + "_" + cluster }

// ClusterOf is the cluster of a stream that is one of the fleet's.
func ClusterOf(fleet, stream string) (cluster string, ok bool) {
	cluster, ok = strings.CutPrefix(stream, "ERGO_"+fleet+"_")
	return cluster, ok && CheckName("cluster", cluster) == nil
}

// Recorders is the bucket of a fleet's recorders.
func Recorders(fleet string) string { return "ergo_" + fleet + "_recorders" }

// Leases is the bucket of the leases of a cluster's nodes.
func Leases(fleet, cluster string) string { return "ergo_" + fleet + "_leases_" + cluster }

// Shelf is the bucket of the engine's object store that holds closed segments of a fleet.
func Shelf(fleet string) string { return "ergo_" + fleet + "_shelf" }

// Token is a name as one token of a subject or key: bytes but letters, digits and -
// are _ and two hexadecimal digits, and no name at all is _.
func Token(name string) string {
	if name == "" {
		return "_"
	}
	var b strings.Builder
	for i := range len(name) {
		if c := name[i]; plain(c) {
			b.WriteByte(c)
		} else {
			b.WriteByte('_')
			b.WriteString(hex.EncodeToString([]byte{c}))
		}
	}
	return b.String()
}

var errToken = errors.New("a token is no name")

// Name is the name that a token stands for.
func Name(token string) (string, error) {
	if token == "_" {
		return "", nil
	}
	var b strings.Builder
	for i := 0; i < len(token); i++ {
		switch c := token[i]; {
		case plain(c):
			b.WriteByte(c)
		case c == '_' && i+2 < len(token):
			one, err := hex.DecodeString(token[i+1 : i+3])
			if err != nil {
				return "", errToken
			}
			b.Write(one)
			i += 2
		default:
			return "", errToken
		}
	}
	if b.Len() == 0 {
		return "", errToken
	}
	return b.String(), nil
}
