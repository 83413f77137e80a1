package profiles

import "strings"

// An Origin is whose code a function is.
type Origin int

const (
	Application Origin = iota // what the cluster was built for
	Framework                 // ergo.services, and the profile library that its MCP application brings
	Runtime                   // Go's runtime and standard library, and what has no package
	Unknown                   // an address: the profile has no symbol for it
)

func (o Origin) String() string {
	switch o {
	case Framework:
		return "framework"
	case Runtime:
		return "runtime"
	case Unknown:
		return "unknown"
	}
	return "application"
}

// OriginOf tells by the function's package path. Application packages need no
// dot in their first element (labapp/core), so the standard library is known by
// its roots, as go list std prints them.
func OriginOf(function string) Origin {
	if strings.HasPrefix(function, "0x") {
		return Unknown
	}
	path, _ := splitFunction(function)
	root, _, _ := strings.Cut(path, "/")
	switch {
	case path == "" || standardRoot(root) || strings.HasPrefix(function, "type:") || strings.HasPrefix(function, "go:"):
		return Runtime
	case root == "ergo.services" || strings.HasPrefix(path, "github.com/google/pprof/"):
		return Framework
	}
	return Application
}

func standardRoot(root string) bool {
	switch root {
	case "archive", "bufio", "builtin", "bytes", "cmp", "compress", "container", "context",
		"crypto", "database", "debug", "embed", "encoding", "errors", "expvar", "flag", "fmt",
		"go", "hash", "html", "image", "index", "internal", "io", "iter", "log", "maps",
		"math", "mime", "net", "os", "path", "plugin", "reflect", "regexp", "runtime", "slices",
		"sort", "strconv", "strings", "structs", "sync", "syscall", "testing", "text", "time",
		"unicode", "unique", "unsafe", "vendor", "weak":
		return true
	}
	return false
}

// splitFunction is the package path and what follows its dot, without type
// arguments. The path is "" for symbols of no package (assembly).
func splitFunction(function string) (path, symbol string) {
	function, _, _ = strings.Cut(function, "[")
	slash := strings.LastIndexByte(function, '/')
	dot := strings.IndexByte(function[slash+1:], '.')
	if dot < 0 {
		return "", function
	}
	dot += slash + 1
	return function[:dot], function[dot+1:]
}

// BehaviorOf is the type whose method the function is, as process listings
// spell a Behavior: "trading.OrderBook" for labapp/trading.(*OrderBook).apply
// and its closures. It is "" for functions that are no methods.
func BehaviorOf(function string) string {
	path, symbol := splitFunction(function)
	name := path[strings.LastIndexByte(path, '/')+1:]
	if inner, ok := strings.CutPrefix(symbol, "(*"); ok {
		receiver, _, _ := strings.Cut(inner, ")")
		return name + "." + receiver
	}
	receiver, method, ok := strings.Cut(symbol, ".")
	if !ok || isClosure(method) {
		return ""
	}
	return name + "." + receiver
}

// isClosure tells main.run.func1 (a closure) from trading.Book.Apply.
func isClosure(method string) bool {
	rest, ok := strings.CutPrefix(method, "func")
	if !ok {
		rest, ok = strings.CutPrefix(method, "gowrap")
	}
	return ok && rest != "" && rest[0] >= '0' && rest[0] <= '9'
}
