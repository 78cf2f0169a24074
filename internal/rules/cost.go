package rules

import (
	"math"
	"regexp/syntax"
	"strconv"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// Costs are counted in CEL's units, one for a step such as reading a variable
// or comparing two numbers. Measured, a unit is 10 to 100 ns.
const (
	maxRuleCost = 50_000
	maxSetCost  = 250_000
)

// Regular expressions run in time proportional to text × instructions, up to
// 10 ns for each. CEL's own model looks at the length of the pattern, which
// "(a?){1000}" makes a joke of.
const perUnit = 8 // bytes × instructions

// prices knows what the operations of one condition cost: the instructions of
// each pattern it matches. It serves the estimate when the rule is compiled
// and the account that is kept while it runs.
type prices map[string]uint64

// patterns finds the patterns of a condition. They have to be constants:
// what a pattern costs must be known before a message chooses it.
func (p prices) patterns(r Rule, tree *ast.AST) error {
	var err error
	visit := func(e ast.Expr) {
		if err != nil || e.Kind() != ast.CallKind || e.AsCall().FunctionName() != "matches" {
			return
		}
		args := e.AsCall().Args()
		at := tree.SourceInfo().GetStartLocation(e.ID())
		pattern, ok := literal(args[len(args)-1])
		if !ok {
			err = r.invalid("line %d, column %d: matches takes a pattern in quotes, nothing computed", at.Line(), at.Column()+1)
			return
		}
		n, bad := instructions(pattern)
		if bad != nil {
			err = r.invalid("line %d, column %d: %v", at.Line(), at.Column()+1, bad)
			return
		}
		p[pattern] = n
	}
	ast.PreOrderVisit(tree.Expr(), ast.NewExprVisitor(visit))
	return err
}

// instructions returns the size of a compiled pattern.
func instructions(pattern string) (uint64, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return 0, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return 0, err
	}
	return uint64(len(prog.Inst)), nil
}

// match is the price of trying a pattern on n bytes.
func (p prices) match(pattern string, n uint64) uint64 {
	size, ok := p[pattern]
	if !ok || n > math.MaxUint64/size {
		return math.MaxUint64
	}
	return n*size/perUnit + size // starting it costs, too
}

// CallCost is the account while a condition runs.
func (p prices) CallCost(function, _ string, args []ref.Val, _ ref.Val) *uint64 {
	if function != "matches" || len(args) != 2 {
		return nil
	}
	text, okText := args[0].(types.String)
	pattern, okPattern := args[1].(types.String)
	if !okText || !okPattern {
		return nil
	}
	c := p.match(string(pattern), uint64(len(text)))
	return &c
}

// EstimateCallCost is the account before any condition runs.
func (p prices) EstimateCallCost(function, _ string, target *cost.AstNode, args []cost.AstNode) *cost.CallEstimate {
	if function != "matches" || len(args) == 0 {
		return nil
	}
	text := args[0]
	if target != nil {
		text = *target
	}
	size := text.ComputedSize()
	if size == nil {
		size = p.EstimateSize(text)
	}
	worst := uint64(math.MaxUint64)
	if pattern, ok := literal(args[len(args)-1].Expr()); ok && size != nil {
		worst = p.match(pattern, size.Max)
	}
	return &cost.CallEstimate{CostEstimate: cost.Estimate{Max: worst}}
}

// EstimateSize returns how large each fact can be.
func (p prices) EstimateSize(e cost.AstNode) *cost.SizeEstimate {
	path := e.Path()
	if len(path) == 0 {
		return nil
	}
	most, known := map[string]uint64{
		"subject": maxSubject, "text": maxText,
		"from": maxAddress, "from_domain": maxAddress, "channel": maxAddress, "mailbox": maxAddress, "party_kind": maxAddress,
		"to": maxList, "to/@items": maxAddress,
		"attachment_types": maxList, "attachment_types/@items": maxAddress,
		"headers": maxList, "headers/@keys": maxAddress, "headers/@values": maxHeader,
	}[join(path)]
	if !known {
		return nil
	}
	return &cost.SizeEstimate{Max: most}
}

func join(path []string) string {
	s := path[0]
	for _, p := range path[1:] {
		s += "/" + p
	}
	return s
}

// units prints a cost; what has no bound is said so.
func units(n uint64) string {
	if n > 1e12 {
		return "any number of"
	}
	return strconv.FormatUint(n, 10)
}
