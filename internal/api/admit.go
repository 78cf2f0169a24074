package api

import (
	"context"
	"crypto/subtle"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"example.org/countersign/internal/ledger"
	"example.org/countersign/internal/people"
)

// operator is the role of whoever may read the data directory and works by the
// command line. It is no person: it imports, exports, makes packages and
// verifies, and decides nothing.
const operator people.Role = "operator"

type identityKey struct{}

// admit lets a request pass whose token has one of the roles (CC6.1, CC6.3).
func (d *door) admit(allowed []people.Role) func(huma.Context, func(huma.Context)) {
	return func(hc huma.Context, next func(huma.Context)) {
		who, err := d.identify(hc.Context(), hc.Header("Authorization"))
		if err == nil {
			err = people.Require(who, allowed...)
		}
		if err != nil {
			d.refuse(hc, err)
			return
		}
		next(huma.WithValue(hc, identityKey{}, who))
	}
}

// identify returns who a bearer token acts as.
func (d *door) identify(ctx context.Context, authorization string) (*people.Identity, error) {
	scheme, secret, _ := strings.Cut(authorization, " ")
	secret = strings.TrimSpace(secret)
	if !strings.EqualFold(scheme, "Bearer") || secret == "" {
		return nil, people.ErrNotSignedIn
	}
	if d.operator != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(d.operator)) == 1 {
		return &people.Identity{ID: string(operator), Name: "Operator", Roles: []people.Role{operator}, Token: string(operator)}, nil
	}
	return d.People.Token(ctx, secret)
}

// who returns who was admitted.
func who(ctx context.Context) *people.Identity {
	i, _ := ctx.Value(identityKey{}).(*people.Identity)
	return i
}

// acting returns who was admitted as an actor, under the first of the roles
// that they have.
func acting(ctx context.Context, roles []people.Role) (ledger.Actor, error) {
	i := who(ctx)
	for _, r := range roles {
		if i.Has(r) {
			return i.Actor(r), nil
		}
	}
	return ledger.Actor{}, people.Require(i, roles...)
}
