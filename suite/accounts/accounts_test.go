package accounts

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"roost/testkit/apitest"
	"roost/testkit/rig"
)

const signUp = `mutation($i: SignUpInput!) { signUp(input: $i) { token viewer { email user { id username name } }
	userErrors { code path } } }`

// Of many who want a name at once, however they spell it, exactly one gets it.
func TestOneOfManyGetsAName(t *testing.T) {
	for field, path := range map[string]string{"username": "username", "email": "email"} {
		t.Run(field, func(t *testing.T) {
			apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
				const many = 20
				name := apitest.Unique("wanted")
				won := make([]bool, many)
				apitest.Parallel(t, many, func(i int) error {
					in := apitest.Vars{"username": apitest.Unique("u"), "password": "correct horse", "tokenDelivery": "TOKEN"}
					in["email"] = in["username"].(string) + "@example.com"
					in[field] = spelling(name, i)
					if field == "email" {
						in[field] = spelling(name+"@example.com", i)
					}
					res, err := r.Anonymous().Do(context.Background(), signUp, apitest.Vars{"i": in})
					if err != nil {
						return err
					}
					refused := res.String("signUp.userErrors.0.code") + " " + fmt.Sprint(res.Get("signUp.userErrors.0.path"))
					won[i] = res.String("signUp.token") != ""
					if len(res.Errors) > 0 || (!won[i] && refused != "TAKEN [input "+path+"]") {
						return fmt.Errorf("sign-up %d: %s", i, res.Body)
					}
					return nil
				})
				winners := 0
				for _, w := range won {
					if w {
						winners++
					}
				}
				db := r.DB(t)
				users := apitest.Int(t, db, "SELECT count(*) FROM users")
				claims := apitest.Int(t, db, "SELECT count(*) FROM username_claims") + apitest.Int(t, db, "SELECT count(*) FROM email_claims")
				if winners != 1 || users != 1 || claims != 2 {
					t.Errorf("%d sign-ups won, there are %d users and %d claims; want 1, 1 and 2", winners, users, claims)
				}
			})
		})
	}
}

// spelling writes a name with the letters that i's bits choose in upper case.
func spelling(name string, i int) string {
	b := []byte(name)
	for at := range b {
		if i>>(at%8)&1 == 1 {
			b[at] = strings.ToUpper(name)[at]
		}
	}
	return string(b)
}

const rename = `mutation($i: UpdateSettingsInput!) { updateSettings(input: $i) { viewer { email user { id username } }
	userErrors { code path } } }`

// A name that was given up is free, a name that was taken is not, and a name may change its spelling.
func TestRenaming(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		ada, bob := r.SignUp(t, "ada"), r.SignUp(t, "bob")
		byName := func(name string) string {
			return bob.Must(t, `query($n: String!) { user(username: $n) { id } }`, apitest.Vars{"n": name}).String("user.id")
		}
		set := func(u *apitest.User, in apitest.Vars, want string) {
			t.Helper()
			if in["email"] != nil {
				in["currentPassword"] = u.Password
			}
			res := u.Must(t, rename, apitest.Vars{"i": in})
			if got := res.String("updateSettings.userErrors.0.code"); got != want {
				t.Fatalf("update the settings to %v: %s", in, res.Data)
			}
		}
		old, mail := ada.Name, ada.Name+"@example.com"
		set(ada, apitest.Vars{"username": strings.ToUpper(old), "email": strings.ToUpper(mail)}, "")
		if got := byName(old); got != ada.ID {
			t.Errorf("after another spelling %s is %q", old, got)
		}
		set(bob, apitest.Vars{"username": old}, "TAKEN")
		now := apitest.Unique("lovelace")
		set(ada, apitest.Vars{"username": now, "email": now + "@example.com"}, "")
		if byName(old) != "" || byName(now) != ada.ID {
			t.Errorf("after the change %s is %q and %s is %q", old, byName(old), now, byName(now))
		}
		set(bob, apitest.Vars{"username": old, "email": mail}, "")
		set(ada, apitest.Vars{"username": old}, "TAKEN")
		set(ada, apitest.Vars{"email": mail}, "TAKEN")
		if byName(old) != bob.ID {
			t.Errorf("%s is %q, bob took it", old, byName(old))
		}
		for login, want := range map[string]string{now: ada.ID, now + "@example.com": ada.ID, old: bob.ID, mail: bob.ID, bob.Name: ""} {
			res := r.Anonymous().Must(t, rig.Mutations["logIn"],
				apitest.Vars{"i": apitest.Vars{"login": login, "password": "correct horse", "tokenDelivery": "TOKEN"}})
			got := ""
			if token := res.String("x.token"); token != "" {
				got = r.As(token).Must(t, `{ viewer { user { id } } }`, nil).String("viewer.user.id")
			}
			if got != want {
				t.Errorf("login with %s is %q, want %q", login, got, want)
			}
		}
		// A refused half takes nothing: the name stays free.
		free := apitest.Unique("free")
		set(ada, apitest.Vars{"username": free, "email": mail}, "TAKEN")
		if byName(free) != "" || byName(now) != ada.ID {
			t.Error("a refused change was carried out in part")
		}
	})
}

// Two users who exchange their names at once end with one name each, and every claim is somebody's.
func TestNamesAreOfOneUser(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		names := []string{apitest.Unique("n"), apitest.Unique("n"), apitest.Unique("n")}
		users := r.SignUps(t, "u", 4)
		for range 8 {
			apitest.Parallel(t, len(users), func(i int) error {
				for _, name := range names {
					if _, err := users[i].Do(context.Background(), rename, apitest.Vars{"i": apitest.Vars{"username": name}}); err != nil {
						return err
					}
				}
				return nil
			})
		}
		db := r.DB(t)
		wrong := apitest.Int(t, db,
			`SELECT count(*) FROM users u WHERE NOT EXISTS (SELECT 1 FROM username_claims c WHERE c.user_id = u.id AND c.name = lower(u.username))`)
		claims := apitest.Int(t, db, `SELECT count(*) FROM username_claims WHERE user_id <> 0`)
		if wrong != 0 || claims != int64(len(users)) {
			t.Errorf("%d users have a name that they have not claimed; %d claims of %d users", wrong, claims, len(users))
		}
	})
}

// Who asks whether an account exists learns nothing: the same answer after the same statements.
func TestLoginTellsNothing(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		u, imported := r.SignUp(t, "ada"), r.SignUp(t, "imported")
		if _, err := r.DB(t).Writer().ExecContext(t.Context(), "UPDATE users SET password_hash = NULL WHERE id = $1",
			rig.UserID(t, imported.ID)); err != nil {
			t.Fatal(err)
		}
		for login, password := range map[string]string{
			u.Name: "wrong horse", u.Name + "@example.com": "wrong horse", imported.Name: imported.Password, imported.Name + "@example.com": "",
			"nobody": "correct horse", "nobody@example.com": "correct horse", "": "", "no body": "correct horse", strings.Repeat("x", 300): "x",
		} {
			res := r.Anonymous().Must(t, rig.Mutations["logIn"],
				apitest.Vars{"i": apitest.Vars{"login": login, "password": password, "tokenDelivery": "TOKEN"}})
			const want = `{"x":{"token":null,"session":null,"viewer":null,"userErrors":[{"code":"INVALID_CREDENTIALS","path":["input"],` +
				`"message":"the login or the password is wrong"}]}}`
			if string(res.Data) != want {
				t.Errorf("login %q: %s", login, res.Data)
			}
			if cost := res.Costs(t); cost.SQL != 3 {
				t.Errorf("login %q took %d statements, want 3", login, cost.SQL)
			}
		}
		for _, login := range []string{u.Name, strings.ToUpper(u.Name), u.Name + "@example.com", strings.ToUpper(u.Name) + "@Example.COM"} {
			res := r.Anonymous().Must(t, rig.Mutations["logIn"],
				apitest.Vars{"i": apitest.Vars{"login": login, "password": u.Password, "tokenDelivery": "TOKEN"}})
			if res.String("x.token") == "" {
				t.Errorf("login %q: %s", login, res.Data)
			}
		}
	}, apitest.Metered, rig.Limited(1000, 1000))
}

// Names are shown as they were written; a name that is left out is the username.
func TestProfile(t *testing.T) {
	apitest.Each(t, func(t *testing.T, r *apitest.Roost) {
		name := apitest.Unique("Ada_")
		in := apitest.Vars{"username": name, "email": name + "@Example.com", "password": strings.Repeat("🙂", 8), "tokenDelivery": "TOKEN"}
		res := r.Anonymous().Must(t, signUp, apitest.Vars{"i": in})
		if got := []string{res.String("signUp.viewer.user.username"), res.String("signUp.viewer.user.name"),
			res.String("signUp.viewer.email")}; !slices.Equal(got, []string{name, name, name + "@Example.com"}) {
			t.Errorf("%s", res.Data)
		}
		u := r.As(res.String("signUp.token"))
		const change = `mutation($i: UpdateProfileInput!) { updateProfile(input: $i) { user { name bio websiteUrl } userErrors { code path } } }`
		for _, c := range []struct {
			in                 apitest.Vars
			name, bio, website any
		}{
			{apitest.Vars{"name": " Ada Lovelace ", "bio": "First.\nProgrammer.", "websiteUrl": "https://example.com/~ada?q=1"}, "Ada Lovelace",
				"First.\nProgrammer.", "https://example.com/~ada?q=1"},
			{apitest.Vars{}, "Ada Lovelace", "First.\nProgrammer.", "https://example.com/~ada?q=1"},
			{apitest.Vars{"bio": nil}, "Ada Lovelace", "", "https://example.com/~ada?q=1"},
			{apitest.Vars{"websiteUrl": nil}, "Ada Lovelace", "", nil},
			{apitest.Vars{"name": nil}, name, "", nil},
		} {
			res := u.Must(t, change, apitest.Vars{"i": c.in})
			const at = "updateProfile.user."
			if res.Get(at+"name") != c.name || res.Get(at+"bio") != c.bio || res.Get(at+"websiteUrl") != c.website {
				t.Errorf("after %v: %s", c.in, res.Data)
			}
		}
	})
}
