package web

import (
	"crypto/subtle"
	"net/http"
	"net/url"
	"strings"

	"ergorecorder/ergo/live"
)

// pagePolicy lets pages load their own style and script and nothing else:
// what a hostile name might smuggle in is not run, styled or sent anywhere.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"frame-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

const tokenCookie = "ergorecorder"

// guard stands before every page, behind the door: it refuses other methods than
// reading, and callers without the token.
func (s *Server) guard(next http.Handler) http.Handler {
	reading := s.door.Guard(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			h.Set("Allow", "GET, HEAD")
			http.Error(w, "this page only reads", http.StatusMethodNotAllowed)
			return
		}
		reading.ServeHTTP(w, r)
	})
}

// admit checks the token: in the address once, for which the reader gets a
// cookie that is good for this server's life, or as a bearer token. It answers the request itself if it refuses
// or redirects.
func (s *Server) admit(w http.ResponseWriter, r *http.Request) bool {
	if s.opt.Token.IsZero() {
		return true
	}
	if q := r.URL.Query(); q.Has("token") {
		if !s.opt.Token.Equal(live.NewToken(q.Get("token"))) {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return false
		}
		q.Del("token")
		http.SetCookie(w, &http.Cookie{
			Name: tokenCookie, Value: s.session, Path: "/",
			HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: r.TLS != nil,
		})
		http.Redirect(w, r, (&url.URL{Path: localPath(r.URL.Path), RawQuery: q.Encode()}).String(), http.StatusSeeOther)
		return false
	}
	if c, err := r.Cookie(tokenCookie); err == nil && subtle.ConstantTimeCompare([]byte(c.Value), []byte(s.session)) == 1 {
		return true
	}
	if s.opt.Token.Bears(r.Header.Get("Authorization")) {
		return true
	}
	http.Error(w, "a token is needed: open the page with ?token=…", http.StatusUnauthorized)
	return false
}

// localPath keeps a redirect on this host: //elsewhere is an address.
func localPath(p string) string { return "/" + strings.TrimLeft(p, "/\\") }
