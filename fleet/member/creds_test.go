package member_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nkeys"

	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
)

// An authority gives out credentials.
type authority struct {
	t       *testing.T
	account nkeys.KeyPair
	change  func(*server.Options)
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	operator, err := nkeys.CreateOperator()
	must(t, err)
	account, err := nkeys.CreateAccount()
	must(t, err)
	operatorID, err := operator.PublicKey()
	must(t, err)
	accountID, err := account.PublicKey()
	must(t, err)
	oc := jwt.NewOperatorClaims(operatorID)
	ac := jwt.NewAccountClaims(accountID)
	ac.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	text, err := ac.Encode(operator)
	must(t, err)
	resolver := &server.MemAccResolver{}
	must(t, resolver.Store(accountID, text))
	system, err := nkeys.CreateAccount()
	must(t, err)
	systemID, err := system.PublicKey()
	must(t, err)
	text, err = jwt.NewAccountClaims(systemID).Encode(operator)
	must(t, err)
	must(t, resolver.Store(systemID, text))
	return &authority{t, account, func(o *server.Options) {
		o.SystemAccount = systemID
		o.TrustedOperators, o.AccountResolver = []*jwt.OperatorClaims{oc}, resolver
	}}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// give writes credentials that are good until then.
func (a *authority) give(file string, until time.Time) {
	a.t.Helper()
	a.giveOnly(file, until, jwt.Permissions{})
}

// giveOnly writes credentials of somebody who may do no more than that.
func (a *authority) giveOnly(file string, until time.Time, may jwt.Permissions) {
	a.t.Helper()
	user, err := nkeys.CreateUser()
	must(a.t, err)
	id, err := user.PublicKey()
	must(a.t, err)
	uc := jwt.NewUserClaims(id)
	uc.Expires, uc.Permissions = until.Unix(), may
	text, err := uc.Encode(a.account)
	must(a.t, err)
	seed, err := user.Seed()
	must(a.t, err)
	creds, err := jwt.FormatUserConfig(text, seed)
	must(a.t, err)
	must(a.t, os.WriteFile(file, creds, 0o600))
}

// TestCredentialsExpire: a recorder whose credentials expire goes on recording, and ships what
// waited when the file holds new ones.
func TestCredentialsExpire(t *testing.T) {
	if testing.Short() {
		t.Skip("credentials expire after seconds")
	}
	t.Parallel()
	auth := newAuthority(t)
	e := enginetest.Start(t, engine.Options{Change: auth.change})
	creds := filepath.Join(t.TempDir(), "creds")
	auth.give(creds, time.Now().Add(4*time.Second))
	a := begin(t, &life{Name: "a", Hosts: []string{e.URL()}, Creds: creds})
	within(t, 4*time.Second, "something shipped", func() bool { return a.member.Standing().Shipped > 0 })
	within(t, 15*time.Second, "a backlog", func() bool { return a.member.Standing().Backlog > 0 && a.member.Standing().Why != "" })
	records := a.recorder.Status().Records
	within(t, 5*time.Second, "more records", func() bool { return a.recorder.Status().Records > records+10 })
	auth.give(creds, time.Now().Add(time.Hour))
	within(t, 20*time.Second, "the backlog shipped", func() bool { return a.member.Standing().Why == "" && a.member.Standing().Blocks == 0 })
	a.end(t)
	l, err := link.Dial(link.Options{Hosts: []string{e.URL()}, CredsFile: creds, Fleet: "f"})
	must(t, err)
	t.Cleanup(l.Close)
	must(t, l.Wait(t.Context()))
	checkShipped(t, read(t, l), a.Path)
}
