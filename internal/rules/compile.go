package rules

import (
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/types"

	"example.org/countersign/internal/fault"
)

const (
	maxGroups      = 512      // calls of mentions in a set
	maxPhraseBytes = 32 << 10 // of all phrases in a set; bounds the finder to a few megabytes
)

// Program is a compiled rule set. It is safe for concurrent use.
type Program struct {
	rules  []compiled
	finder *finder
	groups []group
}

type compiled struct {
	name string
	then Outcome
	when cel.Program
}

// group is one call of mentions: its phrases, and where it looks for them.
type group struct {
	field   field
	phrases []string
}

type field uint8

const (
	inSubject field = 1 << iota
	inText
)

// compiler gathers what the rules of one set share.
type compiler struct {
	groups  []group
	bytes   int
	ceiling uint64 // worst case that one rule may cost
	budget  uint64 // worst case that all may cost together
}

// Compile makes a set ready for use. Its error is a fault.Invalid with one
// line for each thing wrong, naming the rule and, for a condition, line and
// column. A rule whose worst case is too dear is refused here, not found out
// when mail arrives.
func Compile(set Set) (*Program, error) {
	c := &compiler{ceiling: maxRuleCost, budget: maxSetCost}
	return c.compile(set)
}

func (c *compiler) compile(set Set) (*Program, error) {
	if len(set) > MaxRules {
		return nil, fault.New(fault.Invalid, "%d rules; a set may have at most %d", len(set), MaxRules)
	}
	env, err := c.environment()
	if err != nil {
		return nil, err
	}
	var wrong problems
	trees := parse(env, set, &wrong)
	// Only now is it known how many answers of mentions there are to declare.
	if env, err = c.declare(env); err != nil {
		return nil, err
	}
	p := &Program{groups: c.groups}
	var total uint64
	for i, r := range set {
		if trees[i] == nil {
			continue
		}
		when, cost, err := c.plan(env, r, trees[i])
		if err != nil {
			wrong.add(err)
			continue
		}
		total += cost
		p.rules = append(p.rules, compiled{name: r.Name, then: r.Then, when: when})
	}
	if total > c.budget {
		wrong.add(fault.New(fault.Invalid, "the rules together may cost %d units on a large message; at most %d are allowed; use mentions instead of matches on text", total, c.budget))
	}
	if err := wrong.err(); err != nil {
		return nil, err
	}
	p.finder = c.finder()
	return p, nil
}

// parse reads the conditions of a set; what is wrong has no tree.
func parse(env *cel.Env, set Set, wrong *problems) []*cel.Ast {
	trees := make([]*cel.Ast, len(set))
	names := make(map[string]int, len(set))
	for i, r := range set {
		if err := r.validate(); err != nil {
			wrong.add(err)
			continue
		}
		if first, dup := names[r.Name]; dup {
			wrong.add(r.invalid("name: already used by rule %d; rule %d needs its own", first+1, i+1))
			continue
		}
		names[r.Name] = i
		tree, issues := env.Parse(r.When)
		if errs := issues.Errors(); len(errs) > 0 {
			wrong.found(r, errs)
			continue
		}
		trees[i] = tree
	}
	return trees
}

// base is the language of conditions without what depends on the set.
var base = sync.OnceValues(func() (*cel.Env, error) {
	return cel.NewEnv(
		cel.Variable("subject", cel.StringType),
		cel.Variable("text", cel.StringType),
		cel.Variable("from", cel.StringType),
		cel.Variable("from_domain", cel.StringType),
		cel.Variable("to", cel.ListType(cel.StringType)),
		cel.Variable("channel", cel.StringType),
		cel.Variable("mailbox", cel.StringType),
		cel.Variable("party_kind", cel.StringType),
		cel.Variable("has_attachments", cel.BoolType),
		cel.Variable("attachment_types", cel.ListType(cel.StringType)),
		cel.Variable("auto", cel.BoolType),
		cel.Variable("authenticated", cel.BoolType),
		cel.Variable("headers", cel.MapType(cel.StringType, cel.StringType)),
		cel.ParserExpressionSizeLimit(maxWhen),
		cel.ParserRecursionLimit(50),
		cel.ExpressionNodeLimit(5000),
	)
})

// environment returns the language in which every call of mentions becomes a
// variable that the finder has answered before the rules run.
func (c *compiler) environment() (*cel.Env, error) {
	env, err := base()
	if err != nil {
		return nil, fmt.Errorf("set up the rule language: %w", err)
	}
	return env.Extend(cel.Macros(
		cel.GlobalVarArgMacro("mentions", c.mentions),
		cel.ReceiverVarArgMacro("mentions", c.mentions),
	))
}

// mentions expands one call of mentions.
func (c *compiler) mentions(eh cel.MacroExprFactory, target ast.Expr, args []ast.Expr) (ast.Expr, *common.Error) {
	g := group{field: inSubject | inText}
	if target != nil && target.Kind() != ast.UnspecifiedExprKind {
		switch {
		case target.Kind() == ast.IdentKind && target.AsIdent() == "subject":
			g.field = inSubject
		case target.Kind() == ast.IdentKind && target.AsIdent() == "text":
			g.field = inText
		default:
			return nil, eh.NewError(target.ID(), "mentions works on subject, on text, or on both when it stands alone")
		}
	}
	if len(args) == 0 {
		return nil, eh.NewError(0, "mentions needs at least one phrase in quotes")
	}
	for _, a := range args {
		text, ok := literal(a)
		if !ok {
			return nil, eh.NewError(a.ID(), "mentions takes phrases in quotes, nothing computed")
		}
		p, err := phrase(text)
		if err != nil {
			return nil, eh.NewError(a.ID(), err.Error())
		}
		if c.bytes += len(p); c.bytes > maxPhraseBytes {
			return nil, eh.NewError(a.ID(), fmt.Sprintf("the phrases of the set have more than %d bytes", maxPhraseBytes))
		}
		g.phrases = append(g.phrases, p)
	}
	if len(c.groups) == maxGroups {
		return nil, eh.NewError(args[0].ID(), fmt.Sprintf("the set calls mentions more than %d times", maxGroups))
	}
	c.groups = append(c.groups, g)
	return eh.NewIdent(answer(len(c.groups) - 1)), nil
}

// literal returns the text of a string constant.
func literal(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// answer names the variable that holds the answer to a call of mentions. No
// rule can write it: @ is not part of the language.
func answer(i int) string { return fmt.Sprintf("@%d", i) }

func (c *compiler) declare(env *cel.Env) (*cel.Env, error) {
	vars := make([]cel.EnvOption, len(c.groups))
	for i := range vars {
		vars[i] = cel.Variable(answer(i), cel.BoolType)
	}
	env, err := env.Extend(vars...)
	if err != nil {
		return nil, fmt.Errorf("declare the phrases of the rules: %w", err)
	}
	return env, nil
}

// finder builds the one automaton for all groups.
func (c *compiler) finder() *finder {
	phrases := map[string][]uint16{}
	for i, g := range c.groups {
		for _, p := range g.phrases {
			phrases[p] = append(phrases[p], uint16(i))
		}
	}
	return newFinder(phrases)
}

// plan checks one condition and makes it ready, and returns its worst cost.
func (c *compiler) plan(env *cel.Env, r Rule, parsed *cel.Ast) (cel.Program, uint64, error) {
	tree, issues := env.Check(parsed)
	if errs := issues.Errors(); len(errs) > 0 {
		var wrong problems
		wrong.found(r, errs)
		return nil, 0, wrong.err()
	}
	if tree.OutputType() != cel.BoolType {
		return nil, 0, r.invalid("when: gives a %s; a condition must be true or false", tree.OutputType())
	}
	prices := prices{}
	if err := prices.patterns(r, tree.NativeRep()); err != nil {
		return nil, 0, err
	}
	cost, err := env.EstimateCost(tree, prices)
	if err != nil {
		return nil, 0, r.invalid("when: %v", err)
	}
	if cost.Max > c.ceiling {
		return nil, 0, r.invalid("when: may cost %s units on a large message; at most %d are allowed; use mentions instead of matches on text, and fewer nested loops", units(cost.Max), c.ceiling)
	}
	when, err := env.Program(tree,
		cel.EvalOptions(cel.OptOptimize),
		cel.CostTracking(prices),
		cel.CostLimit(maxRuleCost))
	if err != nil {
		return nil, 0, r.invalid("when: %v", err)
	}
	return when, cost.Max, nil
}

// problems gathers what is wrong with a set, one line each.
type problems []string

func (p *problems) add(err error) {
	_, msg := fault.Of(err)
	*p = append(*p, msg)
}

// found adds what the language found wrong with a condition, the first few
// things: the rest usually follows from them.
func (p *problems) found(r Rule, errs []*cel.Error) {
	for _, e := range errs[:min(len(errs), 5)] {
		if e.Location.Line() < 1 {
			p.add(r.invalid("when: %s", e.Message))
			continue
		}
		p.add(r.invalid("line %d, column %d: %s", e.Location.Line(), e.Location.Column()+1, e.Message))
	}
}

func (p problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return fault.New(fault.Invalid, "%s", strings.Join(p, "\n"))
}
