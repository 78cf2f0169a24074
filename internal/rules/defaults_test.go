package rules

import (
	"io/fs"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// classify compiles the default set once.
func classify(t testing.TB) func(Facts) (Outcome, []string) {
	t.Helper()
	p, err := Compile(Default())
	if err != nil {
		t.Fatal(err)
	}
	return func(f Facts) (Outcome, []string) {
		t.Helper()
		out, matched, err := p.Evaluate(f)
		if err != nil {
			t.Fatal(err)
		}
		return out, matched
	}
}

// newsletter is what bulk senders put into their mail.
var newsletter = map[string]string{"List-Unsubscribe": "<https://news.example.net/u/1>", "Precedence": "bulk"}

func TestDefaultOnMessages(t *testing.T) {
	evaluate := classify(t)
	for _, tt := range []struct {
		name     string
		facts    Facts
		category Category
		severity Severity
		aside    Disposition
	}{
		// Reports of vulnerabilities.
		{"researcher", Facts{
			Subject: "Stored XSS in the comment field of app.example.com",
			Text:    "Hello team,\n\nI found a stored cross-site scripting issue in the comment field. Steps to reproduce:\n1. Open a ticket\n2. Paste the payload\nI will keep this private for 90 days. Do you have a bug bounty?",
		}, Vulnerability, Moderate, ""},
		{"researcher, SQL injection", Facts{
			Subject: "Responsible disclosure",
			Text:    "The id parameter of /export is vulnerable to SQL injection. I could read the table of users. I stopped there and deleted what I saw.",
		}, Vulnerability, High, ""},
		{"researcher who tried the product", Facts{
			Subject: "CSRF in settings", Text: "While I was using your free trial I found that the settings form accepts requests from any site. See the attached whitepaper.",
		}, Vulnerability, Moderate, ""},
		{"scanner and reward", Facts{
			Subject: "Bug in your website",
			Text:    "Hello sir, I am an ethical hacker. Your domain has no DMARC record so anyone can send mail as you. This is a security vulnerability. Hoping for a bounty reward.",
		}, Vulnerability, Low, ""},
		{"German", Facts{
			Subject: "Sicherheitslücke im Kundenportal",
			Text:    "Guten Tag, über die Adresse /rechnungen/1234 kann ich Rechnungen anderer Kunden öffnen, wenn ich die Nummer ändere.",
		}, Vulnerability, Moderate, ""},
		{"French", Facts{
			Subject: "Signalement",
			Text:    "Bonjour, j'ai découvert une faille de sécurité dans votre formulaire de connexion : le jeton n'expire jamais.",
		}, Vulnerability, Moderate, ""},
		{"Spanish", Facts{
			Subject: "Vulnerabilidades en su API",
			Text:    "Buenos días, la API devuelve datos sin pedir autenticación.",
		}, Vulnerability, Moderate, ""},
		{"spam words do not hide a report", Facts{
			Subject: "Your blog is hacked and sells viagra",
			Text:    "Your blog was hacked. Every page links to an online pharmacy now.",
		}, Incident, High, ""},

		// Suspected incidents.
		{"customer sees others' data", Facts{
			Subject: "Wrong documents in my account",
			Text:    "When I open reports I see data of other customers, with names and addresses. Please look at this at once.", PartyKind: "customer", Authenticated: true,
		}, Incident, High, ""},
		{"vendor's breach notice, sent in bulk", Facts{
			Subject: "Notice of security incident", Headers: newsletter,
			Text: "On 3 November we detected activity in one of our systems. We are writing to all customers.", PartyKind: "vendor",
		}, Incident, High, ""},
		{"ransomware", Facts{
			Subject: "URGENT", From: "it@customer.example",
			Text: "Since this morning our files are encrypted and there is a ransom note. It came in through the integration with your agent.",
		}, Incident, Critical, ""},
		{"leaked credentials", Facts{
			Subject: "Your credentials on a forum", Text: "We found leaked credentials of five of your employees in a dump posted yesterday.",
		}, Incident, High, ""},
		{"German breach", Facts{
			Subject: "Meldung", Text: "Ich glaube, mein Konto wurde gehackt. Jemand hat meine Adresse geändert.",
		}, Incident, High, ""},
		{"French breach", Facts{
			Subject: "Fuite de donnees ?", Text: "Des fichiers internes sont visibles sur Google.",
		}, Incident, High, ""},
		{"Spanish breach", Facts{
			Subject: "Aviso", Text: "Creemos que hubo un acceso no autorizado a nuestra cuenta.",
		}, Incident, High, ""},

		// Phishing.
		{"phishing in our name", Facts{
			Subject: "Is this from you?", Text: "I got this suspicious email asking me to renew my password on examp1e.com. It is pretending to be your support.",
		}, Phishing, Moderate, ""},
		{"German phishing", Facts{
			Subject: "Phishing-Mail in Ihrem Namen", Text: "siehe Anhang",
		}, Phishing, Moderate, ""},
		{"French phishing", Facts{
			Subject: "Courriel frauduleux", Text: "Je vous transfère un message reçu ce matin.",
		}, Phishing, Moderate, ""},
		{"Spanish phishing", Facts{
			Subject: "Correo sospechoso", Text: "¿Es suyo este mensaje?",
		}, Phishing, Moderate, ""},

		// Outages.
		{"outage", Facts{
			Subject: "API is down", Text: "We get 503 on every call since 08:12 UTC.", PartyKind: "customer",
		}, Availability, Moderate, ""},
		{"nobody can log in", Facts{
			Subject: "Problem", Text: "Since the update this morning nobody can log in. 300 people are waiting.",
		}, Availability, Moderate, ""},
		{"German outage", Facts{
			Subject: "Portal nicht erreichbar", Text: "Seit 9 Uhr kommt nur eine Fehlermeldung.",
		}, Availability, Moderate, ""},
		{"French outage", Facts{
			Subject: "Plateforme indisponible", Text: "Impossible de travailler depuis ce matin.",
		}, Availability, Moderate, ""},
		{"Spanish outage", Facts{
			Subject: "Servicio caído", Text: "No podemos entrar.",
		}, Availability, Moderate, ""},

		// Privacy.
		{"access request", Facts{
			Subject: "Request", Text: "Under Article 15 I ask for a copy of the data you hold about me.",
		}, Privacy, Moderate, ""},
		{"erasure", Facts{
			Subject: "Please delete my data", Text: "I closed my account. Please delete all my data and confirm.",
		}, Privacy, Moderate, ""},
		{"German access request", Facts{
			Subject: "Auskunftsersuchen", Text: "bitte teilen Sie mir mit, welche Angaben Sie über mich speichern.",
		}, Privacy, Moderate, ""},
		{"French erasure", Facts{
			Subject: "Demande", Text: "Merci de supprimer mes données personnelles.",
		}, Privacy, Moderate, ""},
		{"Spanish erasure", Facts{
			Subject: "Solicitud", Text: "Solicito que eliminen mis datos de su base.",
		}, Privacy, Moderate, ""},

		// Assurance, regulators, press, money, help.
		{"questionnaire full of alarming words", Facts{
			Subject: "Security questionnaire 2026", PartyKind: "customer", Authenticated: true,
			Text:            "Please complete the questionnaire. 14. Have you had a data breach in the last three years? 15. How do you handle vulnerabilities and ransomware? 16. Do you answer data subject access requests?",
			AttachmentTypes: []string{"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"},
		}, Assurance, Low, ""},
		{"report request", Facts{
			Subject: "Documents", Text: "For our annual review, could you send a copy of your SOC 2 report and a bridge letter?",
		}, Assurance, Low, ""},
		{"German questionnaire", Facts{
			Subject: "Lieferantenbewertung 2026", Text: "Bitte senden Sie uns den beigefügten Fragebogen bis Freitag zurück. Frage 3: Sicherheitsvorfälle?",
		}, Assurance, Low, ""},
		{"report that leaked is no report request", Facts{
			Subject: "Your SOC 2 report was leaked", Text: "It is on a public file share. This is a data leak.",
		}, Incident, High, ""},
		{"supervisory authority", Facts{
			Subject: "Anhörung der Aufsichtsbehörde, Az. 12/2026", Text: "Uns liegt eine Beschwerde gegen Sie vor.",
		}, Regulator, High, ""},
		{"known regulator, any words", Facts{
			Subject: "Our reference 1234", Text: "We refer to your notification.", PartyKind: "regulator",
		}, Regulator, High, ""},
		{"reporter", Facts{
			Subject: "Question before publication", Text: "Hi, I'm a reporter with The Example Times. My deadline is 5 pm.",
		}, Press, Low, ""},
		{"reporter about a breach", Facts{
			Subject: "Request for comment", Text: "I am a journalist. We were shown what looks like stolen data of your users.",
		}, Press, High, ""},
		{"invoice", Facts{
			Subject: "Invoice 2026-118 charged twice", Text: "Our card was charged twice in October.",
		}, Billing, Low, ""},
		{"French invoice", Facts{
			Subject: "Facture manquante", Text: "Il nous manque la facture d'octobre.",
		}, Billing, Low, ""},
		{"question", Facts{
			Subject: "Export", Text: "How do I export all tickets of a year?",
		}, Support, Low, ""},
		{"nothing recognised", Facts{Subject: "Hello", Text: "Greetings from the team."}, Support, Low, ""},
		{"nothing at all", Facts{}, Support, Low, ""},

		// Set aside.
		{"spam", Facts{
			Subject: "Congratulations", Text: "You have won 2.5 MILLION DOLLARS. Contact the barrister of the next of kin.",
		}, Support, Low, Spam},
		{"spam, hidden by invisible characters", Facts{
			Subject: "Best v\u200bi\u00adagra", Text: "cheap",
		}, Support, Low, Spam},
		{"link sellers", Facts{
			Subject: "Guest post on your blog", Text: "We offer high quality backlinks and SEO services.",
		}, Support, Low, Spam},
		{"marked by the relay", Facts{
			Subject: "Invoice", Text: "see attachment", Headers: map[string]string{"X-Spam-Flag": "YES"},
		}, Billing, Low, Spam},
		{"program from a stranger", Facts{
			Subject: "Invoice 4711", Text: "please open", AttachmentTypes: []string{"application/x-msdownload"},
		}, Billing, Low, Spam},
		{"newsletter", Facts{
			Subject: "News of the week", Text: "Ten stories you missed.", Headers: newsletter,
		}, Support, Low, OutOfScope},
		{"newsletter that talks about breaches", Facts{
			Subject: "This week in tech", Text: "Another data breach at a large retailer, and a zero day in a browser.", Headers: newsletter,
		}, Support, Low, OutOfScope},
		{"seller of security", Facts{
			Subject: "Stop ransomware before it starts", Text: "Our solution finds every vulnerability. Book a demo now.", Headers: newsletter,
		}, Support, Low, OutOfScope},
		{"a known party's newsletter stays", Facts{
			Subject: "Release notes", Text: "New this month", Headers: newsletter, PartyKind: "vendor", Authenticated: true,
		}, Support, Low, ""},
		{"a known customer may write what spam writes", Facts{
			Subject: "Content for our pharmacy", Text: "The word viagra is blocked in our listing.", PartyKind: "customer", Authenticated: true,
		}, Support, Low, ""},

		// Mailboxes decide where words do not.
		{"to security", Facts{Subject: "Please call me", Text: "It is about your app.", Channel: "Security+web@Example.com"}, Incident, Moderate, ""},
		{"copied to security", Facts{Subject: "Please call me", To: []string{"security@example.com"}, Channel: "support@example.com"}, Support, Low, ""},
		{"to privacy", Facts{Subject: "Hello", Channel: "datenschutz@example.com"}, Privacy, Moderate, ""},
		{"to press", Facts{Subject: "Hello", Channel: "press@example.com"}, Press, Low, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, matched := evaluate(tt.facts)
			severity := DefaultMatrix().Severity(out.Impact, out.Likelihood)
			if out.Category != tt.category || severity != tt.severity || out.Disposition != tt.aside {
				t.Errorf("got %s, %s, %q by %q\nwant %s, %s, %q", out.Category, severity, out.Disposition, matched, tt.category, tt.severity, tt.aside)
			}
			if out.Urgency == "" || out.AssignRole == "" || len(matched) == 0 {
				t.Errorf("left open: %+v by %q", out, matched)
			}
		})
	}
}

// Everyday mail that carries words of alarm without meaning them.
func TestDefaultRaisesNoFalseAlarm(t *testing.T) {
	evaluate := classify(t)
	for name, f := range map[string]Facts{
		"Spanish footer":        {Subject: "Reunión", Text: "Nos vemos el martes. \n-- \nPuede ejercer su derecho de acceso, rectificación y supresión conforme al RGPD."},
		"French footer":         {Subject: "Rendez-vous", Text: "À mardi. \n-- \nConformément au RGPD, vous disposez d'un droit d'accès et d'un droit à l'effacement."},
		"German footer":         {Subject: "Termin", Text: "Bis Dienstag. \n-- \nHinweise zum Datenschutz nach DSGVO finden Sie auf unserer Website."},
		"English footer":        {Subject: "Meeting", Text: "See you. \n-- \nThis message may be confidential. We process personal data under the GDPR. Unauthorised copying is prohibited."},
		"out of office":         {Subject: "Automatic reply: Contract", Text: "I am unavailable until Monday.", Auto: true},
		"vulnerable people":     {Subject: "Charity run", Text: "We support elderly and vulnerable people in the region."},
		"sales proof of value":  {Subject: "Next steps", Text: "We would like to start a proof of concept of your product in January."},
		"contract":              {Subject: "Contract", Text: "Clause 7: either party may terminate on a material breach of this agreement."},
		"breach of etiquette":   {Subject: "Complaint", Text: "This is a breach of etiquette."},
		"CVE inside a word":     {Subject: "Order", Text: "Article RCE1200 and item IDORA, colour blue."},
		"downtown":              {Subject: "Office move", Text: "Our office is downtown now. Sales are down, costs are up."},
		"hackathon":             {Subject: "Hackathon", Text: "You are invited to our hackathon."},
		"medical":               {Subject: "Appointment", Text: "The specialists for pain will see you on Friday."},
		"prospect wants a demo": {Subject: "Demo", Text: "We have 200 agents and would like to schedule a demo."},
		"pirates":               {Subject: "Party", Text: "The children come as pirates, the pirate ship is ready."},
		"money":                 {Subject: "Partnership", Text: "We invested three million dollars and our people work from home."},
		"weather":               {Subject: "Störungsfreie Feiertage", Text: "wünscht Ihr Team"},
	} {
		t.Run(name, func(t *testing.T) {
			out, matched := evaluate(f)
			if out.Category != Support || out.Disposition != "" {
				t.Errorf("%s, %q by %q", out.Category, out.Disposition, matched)
			}
		})
	}
}

// Mails that others collected: none of the wanted ones is lost, and the
// unwanted ones that shout are recognised. What share of spam the words catch
// is only logged, because the collection is old and small.
func TestDefaultOnCollectedMail(t *testing.T) {
	root := filepath.FromSlash("../../../shared/data/mail/spamassassin/t/data")
	if _, err := os.Stat(root); err != nil {
		t.Skip("the collection of real mails is not on this machine")
	}
	evaluate := classify(t)
	type tally struct{ read, aside, alarm int }
	var nice, spam tally
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		f, ok := factsOf(string(file))
		if !ok {
			return nil
		}
		out, matched := evaluate(f)
		count := &spam
		if strings.HasPrefix(rel, "nice") {
			count = &nice
			if out.Disposition == Spam {
				t.Errorf("%s is wanted, set aside by %q", rel, matched)
			}
		}
		count.read++
		if out.Disposition != "" {
			count.aside++
		}
		if slices.Contains([]Category{Incident, Vulnerability, Phishing, Regulator}, out.Category) {
			count.alarm++
			t.Logf("%s: %s by %q", rel, out.Category, matched)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if nice.read < 20 || spam.read < 20 {
		t.Fatalf("only %d and %d mails were read", nice.read, spam.read)
	}
	t.Logf("wanted: %+v, unwanted: %+v", nice, spam)
}

// factsOf reads a mail well enough for rules about words: headers and the raw
// body.
func factsOf(raw string) (Facts, bool) {
	m, err := mail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return Facts{}, false
	}
	_, body, _ := strings.Cut(strings.ReplaceAll(raw, "\r\n", "\n"), "\n\n")
	f := Facts{Subject: m.Header.Get("Subject"), Text: body, Headers: map[string]string{}}
	for name := range m.Header {
		if !strings.HasPrefix(name, "X-Spam") { // the verdicts of others
			f.Headers[name] = m.Header.Get(name)
		}
	}
	if from, err := mail.ParseAddress(m.Header.Get("From")); err == nil {
		f.From = from.Address
	}
	return f, true
}
