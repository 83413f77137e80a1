package ergo_test

import (
	"context"
	"fmt"
	"log"

	"ergorecorder/ergo"
)

// Whatever answers tool calls is a Caller: a live cluster, a recording at a
// moment, or a few lines of a test.
func ExampleCallerFunc() {
	var cluster ergo.Caller = ergo.CallerFunc(func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
		return ergo.Answer{Text: []byte(`{"node":"` + call.Node + `"}`)}, nil
	})
	answer, err := cluster.Call(context.Background(), ergo.Call{Node: "alpha@host", Tool: "node_info"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("%s\n", answer.Text)
	// Output: {"node":"alpha@host"}
}
