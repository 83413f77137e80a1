package ergo_test

import (
	"testing"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

func TestCheckArgs(t *testing.T) {
	list, _ := tools48.Tool("process_list")
	params := append(list.Params, tools48.Common()...)
	for _, tt := range []struct{ args, want string }{
		{`{"limit": 5, "sort_by": "mailbox", "node": "a@h"}`, ""},
		{`{"limit": 5.0, "state": "wait_response"}`, `process_list: limit must be of type integer, got 5.0`},
		{`{"state": "wait response"}`, ""},
		{`{"state": "runing"}`, `process_list: state: there is no "runing"; did you mean running?`},
		{`{"limit": null}`, ""},
		{`{"limt": 2}`, `process_list: there is no argument "limt"; did you mean limit?`},
		{`{"limit": "2"}`, `process_list: limit must be of type integer, got "2"`},
		{`{"sort_by": "mailbx", "nod": ["a"]}`, `process_list: sort_by: there is no "mailbx"; did you mean mailbox?; there is no argument "nod"; did you mean node?`},
	} {
		args, err := ergo.ParseArgs([]byte(tt.args))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if err := ergo.CheckArgs("process_list", params, args); err != nil {
			got = err.Error()
		}
		if got != tt.want {
			t.Errorf("%s: got %s, want %s", tt.args, got, tt.want)
		}
	}
	info, _ := tools48.Tool("process_info")
	if err := ergo.CheckArgs("process_info", info.Params, nil); err == nil || err.Error() != "process_info: pid is required" {
		t.Errorf("without a PID: %v", err)
	}
}
