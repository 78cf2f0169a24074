package api

import (
	"encoding/json"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"

	"example.org/countersign/client"
	"example.org/countersign/internal/people"
)

// described returns the OpenAPI document as it is served.
func described(t *testing.T) []byte {
	t.Helper()
	w := httptest.NewRecorder()
	New(Desks{}, "", slog.New(slog.DiscardHandler)).ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/api/openapi.json", nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	return w.Body.Bytes()
}

func TestOpenAPI(t *testing.T) {
	golden(t, "openapi.json", described(t))
	if again := described(t); string(again) != string(described(t)) {
		t.Error("the document is not the same twice")
	}
}

// operation is what TestRoutes reads of the document.
type operation struct {
	ID         string        `json:"operationId"`
	Roles      []people.Role `json:"x-roles"`
	Parameters []struct {
		Name, In string
		Required bool
	}
	Security  []any
	Responses map[string]any
}

// TestRoutes holds that the document and the table are the same, and that every
// row demands roles that exist.
func TestRoutes(t *testing.T) {
	var document struct {
		OpenAPI  string
		Security []map[string]any
		Paths    map[string]map[string]operation
	}
	if err := json.Unmarshal(described(t), &document); err != nil {
		t.Fatal(err)
	}
	if document.OpenAPI != "3.1.0" || len(document.Security) != 1 || document.Security[0]["token"] == nil {
		t.Errorf("OpenAPI %s, security %v", document.OpenAPI, document.Security)
	}
	seen := map[string]bool{}
	for _, r := range routes {
		op, there := document.Paths[r.path][strings.ToLower(r.method)]
		switch {
		case !there || op.ID != r.id:
			t.Errorf("%s %s is not described as %s", r.method, r.path, r.id)
		case seen[r.id] || r.summary == "":
			t.Errorf("%s: not the only one, or without a summary", r.id)
		case len(r.roles) == 0 || !slices.Equal(op.Roles, r.roles):
			t.Errorf("%s demands %v, described are %v", r.id, r.roles, op.Roles)
		case (r.method == http.MethodGet) != (r.repeat == reads):
			t.Errorf("%s: a %s that is repeated like %d", r.id, r.method, r.repeat)
		case op.Security != nil:
			t.Errorf("%s has other security than the whole", r.id)
		}
		seen[r.id] = true
		for _, role := range r.roles {
			if !slices.Contains(people.Roles(), role) && role != operator {
				t.Errorf("%s demands %q, which is no role", r.id, role)
			}
		}
		if touches := strings.Contains(r.path, "case") || strings.Contains(r.path, "response") || strings.Contains(r.path, "communication"); touches && slices.Contains(r.roles, people.Admin) {
			t.Errorf("%s gives administrators power over records", r.id)
		}
		if r.method != http.MethodGet && slices.Contains(r.roles, people.Auditor) && !slices.Contains([]string{"makePackage", "disclose", "verify"}, r.id) {
			t.Errorf("%s lets an auditor change something", r.id)
		}
		hasKey := false
		for _, p := range op.Parameters {
			hasKey = hasKey || p.Name == keyHeader && p.In == "header"
		}
		if hasKey != (r.repeat == keyed) {
			t.Errorf("%s: idempotency key described %v", r.id, hasKey)
		}
	}
	for path, methods := range document.Paths {
		for method, op := range methods {
			if !seen[op.ID] {
				t.Errorf("%s %s has no row in the table", method, path)
			}
		}
	}
	mayOperate := []string{"checkpoint", "disclosable", "disclose", "drills", "exportCommunications", "ledgerKey", "makePackage", "me", "packages", "receiveMessage", "recordDrill", "recover", "sealing", "timestampCheckpoint", "timestampToken", "timestamps", "verify"}
	var may []string
	for _, r := range routes {
		if slices.Contains(r.roles, operator) {
			may = append(may, r.id)
		}
	}
	if slices.Sort(may); !slices.Equal(may, mayOperate) {
		t.Errorf("the operator may %v", may)
	}
}

// TestClient holds that what the client reads is what the API writes.
func TestClient(t *testing.T) {
	for _, pair := range [][2]reflect.Type{
		{reflect.TypeFor[client.Receipt](), reflect.TypeFor[Receipt]()}, {reflect.TypeFor[client.Case](), reflect.TypeFor[Case]()},
		{reflect.TypeFor[client.Communication](), reflect.TypeFor[Communication]()}, {reflect.TypeFor[client.Attachment](), reflect.TypeFor[Attachment]()},
		{reflect.TypeFor[client.Address](), reflect.TypeFor[Address]()}, {reflect.TypeFor[client.Response](), reflect.TypeFor[Response]()},
		{reflect.TypeFor[client.Approval](), reflect.TypeFor[Approval]()}, {reflect.TypeFor[client.Verification](), reflect.TypeFor[Verification]()},
	} {
		read, written := fields(pair[0]), fields(pair[1])
		for name, kind := range read {
			if written[name] != kind {
				t.Errorf("%v reads %s as %s; the API writes %q", pair[0], name, kind, written[name])
			}
		}
	}
	in, body := fields(reflect.TypeFor[client.Content]()), fields(reflect.TypeFor[editIn]().Field(1).Type)
	delete(body, "version")
	if !maps.Equal(in, body) {
		t.Errorf("a content is sent as %v, and taken as %v", in, body)
	}
}

// fields returns the JSON names of a struct with their kinds.
func fields(t reflect.Type) map[string]string {
	out := map[string]string{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
		of := t.Field(i).Type
		kind := of.Kind().String()
		if of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			kind += " of " + of.Elem().Kind().String()
		}
		out[name] = kind
	}
	return out
}
