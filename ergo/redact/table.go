package redact

// NotKept stands in place of every value that was left out for secrecy.
const NotKept = "(not kept)"

// secretEnds are how the name of a secret ends, in small letters and without
// what separates words: api_key, X-Api-Key and apiKey end in apikey.
var secretEnds = []string{
	"password", "passwords", "passwd", "passphrase", "passphrases", "passcode", "passcodes", "userpass", "dbpass",
	"secret", "secrets", "token", "tokens", "cookie", "cookies", "credential", "credentials", "authorization", "authheader",
	"apikey", "apikeys", "accesskey", "accesskeys", "secretkey", "privatekey", "signingkey", "encryptionkey", "masterkey", "sshkey",
	"authkey", "sharedkey", "accountkey", "licensekey", "clientkey", "hmackey", "aeskey", "idrsa", "idecdsa", "connectionstring",
	"passwort", "kennwort", "geheimnis", "motdepasse", "contraseña", "contrasena", "senha", "пароль", "密码", "口令", "パスワード",
}

// secretWords are names of secrets that ordinary words end in too: they count
// only as a whole word.
var secretWords = []string{"pwd", "pass", "creds", "pw"}

// maybeWords name a secret or something else: their value counts as one where
// it looks random.
var maybeWords = []string{"key", "auth", "session", "sessionid", "sessid", "sid", "signature", "sig", "nonce", "jwt"}

// digitWords are names whose values people choose, and often of digits alone.
var digitWords = []string{
	"password", "passwords", "passwd", "passphrase", "passcode", "passcodes", "pwd", "pin", "otp", "totp", "passwort", "kennwort",
	"motdepasse", "contraseña", "contrasena", "senha", "пароль", "密码", "口令", "パスワード",
}

// qualifiers may stand behind the name of a secret.
var qualifiers = []string{
	"value", "values", "string", "text", "plain", "plaintext", "old", "new", "current", "previous", "prev", "next", "confirm",
	"confirmation", "hash", "digest", "raw", "data", "hex", "base", "b", "env", "var",
}

// harmless are last words of a field's name that make it say something about
// a secret, and not the secret.
var harmless = []string{
	"ttl", "timeout", "count", "counter", "size", "len", "length", "limit", "rate", "file", "filename", "path", "dir", "name", "names",
	"type", "kind", "id", "ids", "expiry", "expires", "expiration", "age", "url", "uri", "header", "headers", "mode", "enabled",
	"disabled", "required", "cache", "manager", "service", "bucket", "buckets", "error", "errors", "err", "worker", "workers", "server",
	"pool", "policy", "domain", "samesite", "issuer", "at", "time", "interval", "version", "index", "position", "status", "state",
	"total", "max", "min", "seconds", "second", "ns", "ms", "bytes", "used", "left", "algorithm", "alg",
}

// namingFields are fields whose value names what a value field beside them
// holds: {"name":"password","value":"…"}.
var namingFields = []string{"name", "key", "field", "header", "param", "k", "variable", "option"}

// valueFields are the fields beside them.
var valueFields = []string{"value", "val", "v", "values"}

// schemes stand between the name of a header and its secret.
var schemes = []string{"bearer", "basic", "digest", "negotiate", "token", "apikey", "hawk", "mac", "aws4-hmac-sha256"}

// A shape is a text that is a secret whatever names it: a prefix that nothing
// else has, and how many letters, digits and - _ . follow at least.
type shape struct {
	prefix string
	least  int
}

var shapes = []shape{
	{"eyJ", 24}, // JSON Web Token
	{"AKIA", 16},
	{"ASIA", 16},
	{"ghp_", 20},
	{"gho_", 20},
	{"ghu_", 20},
	{"ghs_", 20},
	{"ghr_", 20},
	{"github_pat_", 20},
	{"glpat-", 16},
	{"xoxa-", 16},
	{"xoxb-", 16},
	{"xoxp-", 16},
	{"xoxr-", 16},
	{"xoxs-", 16},
	{"sk_live_", 16},
	{"rk_live_", 16},
	{"sk-ant-", 16},
	{"sk-proj-", 16},
	{"AIza", 30},
	{"npm_", 30},
	{"hvs.", 20},
	{"AGE-SECRET-KEY-1", 40},
	{"ya29.", 20},
	{"dop_v1_", 30},
	{"pypi-", 40},
	{"shpat_", 20},
	{"SG.", 40},
}

// triggers are pieces of names, and signs, without which a text holds no
// secret. They are looked for in any case. Each begins with three bytes that
// are rare in what clusters say: seconds, processes and containers are not.
var triggers = []string{
	"token", "cookie", "pass", "pwd", "ecret", "edential", "creds", "auth", "authorization", "authheader", "key", "pin", "otp", "sid", "ssion", "sessid", "sig",
	"gnature", "nonce", "kennwort", "geheimnis", "motdepasse", "mot_de_passe", "trase", "senha", "bearer", "basic", "jwt", "_pw", "pw=", "pw:",
	"pw\"", "pw\\", "id_rsa", "id_ecdsa", "idrsa", "idecdsa", "ionstring", "пар", "Пар", "ПАР", "密码", "口令", "パス", "-----begin", "://", "@tcp(", "@unix(",
	"eyj", "akia", "asia", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xox", "sk_live_", "rk_live_", "sk-", "aiza",
	"npm_", "hvs.", "age-secret-key-1", "ya29.", "dop_v1_", "pypi-", "shpat_", "sg.",
}

// alone are the triggers that ordinary words begin with or contain: they
// count only where no small letter follows (but a plural s).
var alone = []string{"pwd", "auth", "key", "pin", "otp", "sid", "sig", "creds", "basic"}

// named are the triggers that ordinary words, and names of processes, begin
// with or contain: they count only where a separator follows the word.
var named = []string{"auth", "key", "sid", "ssion", "sessid", "sig", "gnature", "nonce"}
