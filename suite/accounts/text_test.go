package accounts

import (
	"encoding/base64"
	"fmt"
	"testing"

	"golang.org/x/crypto/argon2"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

// textRefusals are texts that are invisible, look like other texts, or contain markup, and passwords that are common.
func textRefusals(password string) (all []refusal) {
	for name, hidden := range map[string]string{
		"a zero-width space":        "\u200b",
		"a joiner":                  "\u200d",
		"a soft hyphen":             "\u00ad",
		"a byte order mark":         "\ufeff",
		"a word joiner":             "\u2060",
		"a right-to-left override":  "\u202e",
		"a left-to-right embedding": "\u202a",
		"an isolate":                "\u2066",
		"the end of an isolate":     "\u2069",
		"a left-to-right mark":      "\u200e",
		"a right-to-left mark":      "\u200f",
		"an Arabic letter mark":     "\u061c",
		"a tag":                     "\U000e0061",
		"a variation selector":      "\ufe0f",
		"a rare variation selector": "\U000e0101",
		"a Hangul filler":           "\u3164",
		"a leading Hangul filler":   "\u115f",
		"a narrow Hangul filler":    "\uffa0",
		"a blank of Braille":        "\u2800",
		"a no-break space":          "\u00a0",
		"a wide space":              "\u3000",
		"a Mongolian separator":     "\u180e",
		"a grapheme joiner":         "\u034f",
		"a line separator":          "\u2028",
	} {
		all = append(all,
			refusal{name, "signUp", signing(apitest.Vars{"email": "a" + hidden + "da@example.com"}), []string{"INVALID input.email"}},
			refusal{name + " in the domain", "updateSettings", apitest.Vars{"email": "ada@example" + hidden + ".com", "currentPassword": password},
				[]string{"INVALID input.email"}},
			refusal{"nothing but " + name, "createTweet", apitest.Vars{"text": hidden + " " + hidden + "\n"}, []string{"REQUIRED input.text"}},
			refusal{"a name of " + name, "updateProfile", apitest.Vars{"name": hidden}, []string{"REQUIRED input.name"}},
		)
	}
	for name, url := range map[string]string{
		"double quotes":                  `https://example.com/"onclick="alert(1)`,
		"single quotes":                  "https://example.com/'-alert(1)-'",
		"backticks":                      "https://example.com/`id`",
		"an element":                     "https://example.com/<script>alert(1)</script>",
		"an end of an element":           "https://example.com/>",
		"a user":                         "https://ada@example.com/",
		"a password":                     "https://ada:secret@example.com/",
		"another site's name as user":    "https://example.com@evil.example/",
		"a backslash":                    `https://example.com\evil.example/`,
		"a space":                        "https://example.com/a b",
		"a line break":                   "https://example.com/\n",
		"a tab":                          "https://exam\tple.com/",
		"no host but a port":             "https://:443/",
		"no slashes":                     "https:example.com",
		"no scheme":                      "//example.com/",
		"FTP":                            "ftp://example.com/",
		"data":                           "data:text/html,<script>alert(1)</script>",
		"a port that is none":            "https://example.com:99999/",
		"a word for a port":              "https://example.com:https/",
		"a hidden character":             "https://example.com/\u200b",
		"a right-to-left override":       "https://example.com/\u202egnp.exe",
		"a hidden character in the host": "https://exam\u200bple.com/",
		"a percent sign alone":           "https://example.com/100%",
		"a host with a hole":             "https://example..com/",
		"an underscore and a star":       "https://*_.example.com/",
	} {
		all = append(all, refusal{"a website with " + name, "updateProfile", apitest.Vars{"websiteUrl": url},
			[]string{"INVALID input.websiteUrl"}})
	}
	for name, common := range map[string]string{
		"the commonest password":     "12345678",
		"a common word":              "password",
		"a word and a number":        "password123",
		"a row of keys":              "qwertyuiop",
		"a capital":                  "Iloveyou",
		"letters as signs":           "p@ssw0rd",
		"wide spaces around nothing": "\u3000\u3000\u3000\u3000\u3000\u3000\u3000",
		"a control character":        "correct\u0007horse",
		"a hidden character":         "correct\u200bhorse", "a Hangul filler": "correct\u3164horse",
	} {
		code := "INVALID"
		if name == "wide spaces around nothing" {
			code = "TOO_SHORT"
		}
		all = append(all, refusal{name, "signUp", signing(apitest.Vars{"password": common}), []string{code + " input.password"}},
			refusal{name, "changePassword", apitest.Vars{"currentPassword": password, "newPassword": common}, []string{code + " input.newPassword"}})
	}
	return all
}

// Text in any language is accepted, with the hidden characters that it needs.
func TestTextOfAllLanguages(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u := r.SignUp(t, "writer")
		for _, text := range []string{
			"👩\u200d👩\u200d👧\u200d👦", "🏳️\u200d🌈", "❤\ufe0f",
			"🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "مرحبا بالعالم",
			"\u200fשלום\u200f", "e\u0301", "हिन्दी", "क्\u200dष",
			"می\u200cخواهم", "\u2067עברית\u2069 in English", "a\u200bb", "⠓⠊", "한글", "x",
		} {
			id := u.Tweet(t, text)
			if got := u.Must(t, `query($id: ID!) { tweet(id: $id) { text } }`, apitest.Vars{"id": id}).String("tweet.text"); got != text {
				t.Errorf("the tweet %+q is %+q", text, got)
			}
			res := u.Must(t, rig.Mutations["updateProfile"], apitest.Vars{"i": apitest.Vars{"name": text, "bio": text}})
			if len(res.Get("x.userErrors").([]any)) > 0 {
				t.Errorf("the name %+q: %s", text, res.Data)
			}
		}
		for _, mail := range []string{"zoë@example.com", "ada+lists@example.com", "o'hara@example.com", "用户@例子.广告"} {
			res := r.Anonymous().Must(t, rig.Mutations["signUp"], apitest.Vars{"i": signing(apitest.Vars{"email": apitest.Unique("m") + mail})})
			if res.String("x.token") == "" {
				t.Errorf("the email %q: %s", mail, res.Data)
			}
		}
		const change = `mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { user { websiteUrl } userErrors { code } } }`
		for url, want := range map[string]string{
			"https://example.com":                 "https://example.com",
			"HTTP://Example.COM/Path?Q=1#F":       "http://example.com/Path?Q=1#F",
			"https://example.com:8443/~ada/":      "https://example.com:8443/~ada/",
			"http://[2001:db8::1]:80/":            "http://[2001:db8::1]:80/",
			"http://192.0.2.7/":                   "http://192.0.2.7/",
			"https://example.com/caf%C3%A9":       "https://example.com/caf%C3%A9",
			"https://example.com/café":            "https://example.com/caf%C3%A9",
			"https://bücher.example/":             "https://xn--bcher-kva.example/",
			"https://example.com/a?b=c&d=%22e%22": "https://example.com/a?b=c&d=%22e%22",
			"https://example.com/?q=é":            "https://example.com/?q=%C3%A9",
			"https://example.com./":               "https://example.com./",
			"https://my_host.example.com/":        "https://my_host.example.com/",
		} {
			res := u.Must(t, change, apitest.Vars{"i": apitest.Vars{"websiteUrl": url}})
			if got := res.String("updateProfile.user.websiteUrl"); got != want {
				t.Errorf("the website %s is %q, want %q: %s", url, got, want, res.Data)
			}
		}
	})
}

// A password is the same in every form in which a keyboard may write it. Passwords that were stored before passwords were
// normalized stay valid.
func TestPasswordsAreNormalized(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		const composed, decomposed = "Schl\u00fcssel no\u00ebl", "Schlu\u0308ssel\u00a0noe\u0308l"
		opens := func(login, password string) bool {
			res := r.Anonymous().Must(t, rig.Mutations["logIn"], apitest.Vars{"i": apitest.Vars{"login": login, "password": password,
				"tokenDelivery": "TOKEN"}})
			if code := res.String("x.userErrors.0.code"); code != "" && code != "INVALID_CREDENTIALS" {
				t.Errorf("%s", res.Data)
			}
			return res.String("x.token") != ""
		}
		for first, then := range map[string]string{composed: decomposed, decomposed: composed} {
			in := signing(apitest.Vars{"password": first})
			u := r.As(r.Anonymous().Must(t, rig.Mutations["signUp"], apitest.Vars{"i": in}).String("x.token"))
			login := in["username"].(string)
			if !opens(login, first) || !opens(login, then) || opens(login, "Schlussel noel") {
				t.Errorf("after signing up with %+q: it opens with itself %t, with %+q %t, without the accents %t",
					first, opens(login, first), then, opens(login, then), opens(login, "Schlussel noel"))
			}
			res := u.Must(t, rig.Mutations["changePassword"], apitest.Vars{"i": apitest.Vars{"currentPassword": then, "newPassword": then + "!"}})
			if res.String("x.viewer.email") == "" || !opens(login, first+"!") {
				t.Errorf("the password was not changed: %s", res.Data)
			}
		}
		// Older hashes are of the typed password, which would be refused today.
		db := r.DB(t)
		for i, old := range []string{decomposed, "correct\u200bhorse", "12345678"} {
			u := r.SignUp(t, fmt.Sprint("old", i))
			_, err := db.Writer().ExecContext(t.Context(), "UPDATE users SET password_hash = $1 WHERE id = $2", argon2id(old), rig.UserID(t, u.ID))
			if err != nil {
				t.Fatal(err)
			}
			if !opens(u.Name, old) || opens(u.Name, old+"x") {
				t.Errorf("the account with the hash of %+q from before does not open with it", old)
			}
		}
	})
}

// argon2id returns the stored form of a password without normalization.
func argon2id(password string) string {
	salt := []byte("sixteen bytes of")
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=19$m=64,t=1,p=1$%s$%s", b64(salt), b64(argon2.IDKey([]byte(password), salt, 1, 64, 1, 32)))
}
