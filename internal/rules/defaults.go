package rules

// Fragments that several conditions of the default set share.
const (
	// bulk mail talks about security, it seldom reports it.
	bulk = `("list-unsubscribe" in headers || headers["precedence"] in ["bulk", "list", "junk"])`

	// pitch is how sellers of security write. Only phrases that no reporter
	// would use belong here, because they keep a rule from matching.
	pitch = `mentions("book a demo", "schedule a demo", "our award winning", "we help companies", "we help organizations",
		"we help organisations", "we help businesses", "our platform helps", "our solution helps", "register for our webinar",
		"register for the webinar", "join our webinar", "download our whitepaper", "download the whitepaper",
		"kostenloses Webinar", "kostenlose Demo", "jetzt Demo buchen", "réservez une démo", "demandez une démo",
		"solicite una demo", "reserve una demo")`

	breach = `"data breach*", "security breach*", "security incident*", "been hacked", "was hacked", "were hacked",
		"account was compromised", "account has been compromised", "accounts were compromised", "compromised account*",
		"unauthorised access", "unauthorized access", "leaked credentials", "credentials leaked", "credentials were leaked",
		"data leak*", "data was leaked", "data has been leaked", "data exposed", "exposed data", "stolen data",
		"data of other customers", "data of another customer", "another customer's data", "other customers' data",
		"Datenpanne*", "Datenleck*", "Datenschutzverletzung*", "Sicherheitsvorfall*", "Sicherheitsvorfälle",
		"gehackt", "unbefugter Zugriff", "unbefugten Zugriff", "kompromittiert*",
		"fuite de données", "fuites de données", "violation de données", "incident de sécurité", "été piraté", "été piratée",
		"compte piraté", "site piraté", "piratage", "compte compromis", "accès non autorisé*",
		"brecha de seguridad", "brecha de datos", "fuga de datos", "violación de datos", "incidente de seguridad",
		"hackead*", "acceso no autorizado", "cuenta comprometida"`

	grave = `"remote code execution", "rce", "sql injection", "sqli", "authentication bypass", "auth bypass",
		"privilege escalation", "account takeover", "actively exploited", "exploited in the wild", "zero day", "0-day",
		"inyección sql", "injection sql", "exécution de code à distance", "ejecución remota de código",
		"aktiv ausgenutzt", "Rechteausweitung"`

	weakness = `"vulnerabilit*", "vulnerable to", "vulnerable endpoint*", "vulnérabilité*", "vulnerabilidad*",
		"security flaw*", "security hole*", "security bug*", "cve", "cvss", "xss", "cross-site scripting", "csrf", "ssrf",
		"idor", "path traversal", "directory traversal", "responsible disclosure", "coordinated disclosure", "bug bounty",
		"Sicherheitslücke*", "Sicherheitsluecke*", "Schwachstelle*", "faille de sécurité", "failles de sécurité",
		"fallo de seguridad", "fallos de seguridad", "agujero de seguridad"`

	lure = `"phishing*", "phish", "smishing", "vishing", "spoofed email*", "spoofed e-mail*", "fake email*", "fake e-mail*",
		"fake invoice*", "suspicious email*", "suspicious e-mail*", "suspicious link*", "scam email*",
		"impersonating you", "impersonating your", "pretending to be you", "pretending to be your",
		"verdächtige E-Mail*", "verdächtige Mail*", "gefälschte E-Mail*", "gefälschte Mail*", "gefälschte Rechnung*",
		"hameçonnage", "courriel frauduleux", "mail frauduleux", "e-mail frauduleux", "courriel suspect", "e-mail suspect",
		"correo fraudulento", "correo sospechoso", "correo falso", "suplantación", "suplantando"`
)

// said builds a condition: the phrases are in the subject, or in the text of a
// mail that is no bulk mail; and nobody is selling.
func said(phrases string) string {
	return "(subject.mentions(" + phrases + ")\n\t|| text.mentions(" + phrases + ") && !" + bulk + ")\n\t&& !" + pitch
}

// Default returns a rule set to start from, in English with the key words of
// German, French and Spanish. What matters to security is recognised first and
// kept from every filter: a false alarm costs a minute, a report lost as spam
// costs far more. An organisation adapts it and approves its own version.
func Default() Set {
	var set Set
	for _, part := range []Set{senders(), security(), requests(), asides(), mailboxes()} {
		set = append(set, part...)
	}
	return set
}

// senders are the rules that look at who writes.
func senders() Set {
	return Set{
		{
			Name: "known sender",
			When: `authenticated && party_kind != ""`,
			Then: Outcome{Disposition: Keep},
			Why:  "A party in our register whose domain vouches for the mail is never set aside by a filter.",
		},
		{
			Name: "authority or court",
			When: `party_kind == "regulator" || subject.mentions("subpoena*", "court order*", "search warrant", "law enforcement request*",
				"data protection authority", "supervisory authority", "regulatory inquiry", "regulatory enquiry", "preservation request",
				"Datenschutzbehörde", "Aufsichtsbehörde", "Staatsanwaltschaft", "Bußgeldverfahren", "gerichtlicher Beschluss",
				"autorité de contrôle", "réquisition judiciaire", "commission rogatoire",
				"autoridad de control", "requerimiento judicial", "orden judicial")`,
			Then: Outcome{Category: Regulator, Impact: 3, Likelihood: 3, Urgency: UrgencyHigh, Disposition: Keep, AssignRole: "legal"},
			Why:  "Authorities set short limits and expect one voice; legal answers. How grave it is, legal decides on reading.",
		},
		{
			Name: "press",
			When: `party_kind == "press" || subject.mentions("press inquiry", "press enquiry", "press request", "media inquiry", "media enquiry",
				"media request", "request for comment", "interview request", "Presseanfrage", "Medienanfrage", "Interviewanfrage",
				"demande presse", "demande de presse", "demande d'interview", "consulta de prensa", "solicitud de entrevista")
				|| text.mentions("I am a reporter", "I'm a reporter", "I am a journalist", "I'm a journalist", "journalist at", "journalist with",
				"reporter at", "reporter with", "ich bin Journalist*", "ich bin Redakteur*", "je suis journaliste", "soy periodista")`,
			Then: Outcome{Category: Press, Urgency: UrgencyHigh, Disposition: Keep, AssignRole: "executive"},
			Why:  "Only named people speak to the press. Severity is left to the rules below, because what a reporter asks about may be an incident.",
		},
		{
			Name: "questionnaire or audit request",
			When: `(subject.mentions("security questionnaire*", "vendor questionnaire*", "supplier questionnaire*", "vendor assessment*",
				"vendor security assessment*", "supplier assessment*", "security assessment*", "vendor risk", "third-party risk", "vendor review", "due diligence",
				"soc 2", "soc2", "iso 27001", "caiq", "sig lite", "audit request*", "penetration test report*",
				"Sicherheitsfragebogen", "Lieferantenfragebogen", "Lieferantenbewertung", "Lieferantenaudit",
				"questionnaire de sécurité", "questionnaire fournisseur", "évaluation fournisseur",
				"cuestionario de seguridad", "evaluación de proveedores")
				|| text.mentions("attached questionnaire", "complete the questionnaire", "fill in the questionnaire", "fill out the questionnaire",
				"your soc 2 report", "your latest soc 2", "copy of your soc 2", "your soc 2 type", "bridge letter",
				"beigefügten Fragebogen", "Fragebogen ausfüllen", "questionnaire ci-joint", "cuestionario adjunto"))
				&& !subject.mentions("leaked", "stolen", "hacked", "compromised", "exposed", "vulnerability in")`,
			Then: Outcome{Category: Assurance, Impact: 1, Likelihood: 2, Urgency: UrgencyNormal, Disposition: Keep, AssignRole: "lead"},
			Why:  "Questionnaires are full of the words for breaches and vulnerabilities, so they are recognised before those.",
		},
	}
}

// security are the rules for what may hurt.
func security() Set {
	return Set{
		{
			Name: "ransom",
			When: said(`"ransomware", "ransom note", "ransom demand", "files have been encrypted", "files are encrypted",
				"Lösegeldforderung", "Erpressungstrojaner", "rançongiciel", "demande de rançon", "nota de rescate"`),
			Then: Outcome{Category: Incident, Impact: 4, Likelihood: 3, Urgency: UrgencyImmediate, Disposition: Keep, AssignRole: "commander"},
			Why:  "Hours decide how far it spreads.",
		},
		{
			Name: "suspected breach",
			When: said(breach),
			Then: Outcome{Category: Incident, Impact: 3, Likelihood: 3, Urgency: UrgencyImmediate, Disposition: Keep, AssignRole: "lead"},
			Why:  "Statutory and contractual clocks may have started; a lead decides whether this is an incident.",
		},
		{
			Name: "finding of a scanner",
			When: said(`"spf record*", "dmarc record*", "dmarc policy", "missing security header*", "clickjacking", "x-frame-options", "tls 1.0", "weak cipher*"`) +
				"\n\t&& !mentions(" + grave + ")",
			Then: Outcome{Category: Vulnerability, Impact: 1, Likelihood: 2, Urgency: UrgencyLow, Disposition: Keep, AssignRole: "analyst"},
			Why:  "Reports that a free scanner writes, often in hope of a reward: answered, without haste.",
		},
		{
			Name: "grave vulnerability",
			When: said(grave),
			Then: Outcome{Category: Vulnerability, Impact: 3, Likelihood: 3, Urgency: UrgencyHigh, Disposition: Keep, AssignRole: "lead"},
			Why:  "What is claimed here gives an attacker control or all data; it is checked the same day.",
		},
		{
			Name: "vulnerability",
			When: said(weakness),
			Then: Outcome{Category: Vulnerability, Impact: 2, Likelihood: 2, Urgency: UrgencyHigh, Disposition: Keep, AssignRole: "analyst"},
			Why:  "Our disclosure policy promises researchers an acknowledgement.",
		},
		{
			Name: "phishing",
			When: said(lure),
			Then: Outcome{Category: Phishing, Impact: 2, Likelihood: 3, Urgency: UrgencyHigh, Disposition: Keep, AssignRole: "analyst"},
			Why:  "Others are receiving the same lure at this moment; taking it down helps all of them.",
		},
		{
			Name: "outage",
			When: `(subject.mentions("outage*", "is down", "are down", "site down", "service down", "system down", "service unavailable", "not reachable",
				"unreachable", "not responding", "degraded performance", "500 error*", "502 error*", "503 error*", "504 error*", "bad gateway",
				"Ausfall", "Totalausfall", "Störung", "nicht erreichbar", "nicht verfügbar", "en panne", "indisponible", "hors service", "inaccessible*",
				"servicio caído", "caída del servicio", "está caído", "está caída", "no disponible", "fuera de servicio", "no responde")
				|| text.mentions("is completely down", "has been down since", "api is down", "website is down", "site is down", "service is down",
				"service is unavailable", "503 service unavailable", "502 bad gateway", "504 gateway timeout", "cannot reach your", "can't reach your",
				"none of our users can", "nobody can log in", "Dienst ist ausgefallen", "seit heute nicht erreichbar", "service est inaccessible",
				"service est indisponible", "servicio no está disponible", "ninguno de nuestros usuarios") && !` + bulk + `)
				&& !` + pitch,
			Then: Outcome{Category: Availability, Impact: 2, Likelihood: 3, Urgency: UrgencyImmediate, Disposition: Keep, AssignRole: "analyst"},
			Why:  "A customer often notices before our monitoring does.",
		},
	}
}

// requests are the rules for what people ask of us.
func requests() Set {
	return Set{
		{
			Name: "data subject",
			// Footers of business mail recite everybody's rights, so in the
			// text only the first person counts.
			When: `subject.mentions("gdpr", "dsgvo", "rgpd", "ccpa", "privacy request", "privacy complaint", "data subject*", "subject access request*", "dsar",
				"right to erasure", "right to be forgotten", "Auskunftsersuchen", "Datenauskunft", "Datenlöschung", "Betroffenenanfrage",
				"droit d'accès", "droit à l'effacement", "droit à l'oubli", "derecho de acceso", "derecho de supresión", "derecho al olvido")
				|| text.mentions("my subject access request", "make a subject access request", "delete my data", "delete all my data",
				"delete my personal data", "erase my data", "erase my personal data", "my right of access", "my right to erasure", "data you hold about me",
				"information you hold about me", "withdraw my consent", "do not sell my personal information", "my personal data",
				"meine personenbezogenen Daten", "meiner personenbezogenen Daten", "Löschung meiner Daten", "löschen Sie meine Daten",
				"Auskunft über meine", "mes données personnelles", "mes données à caractère personnel", "supprimer mes données",
				"mis datos personales", "eliminar mis datos", "eliminen mis datos", "supresión de mis datos")
				&& !` + bulk,
			Then: Outcome{Category: Privacy, Impact: 2, Likelihood: 2, Urgency: UrgencyNormal, Disposition: Keep, AssignRole: "legal"},
			Why:  "The law gives people an answer within about a month, and wants their identity checked first.",
		},
		{
			Name: "billing",
			When: `subject.mentions("invoice*", "billing", "refund*", "payment*", "credit note*", "charged twice", "overcharged", "subscription*",
				"Rechnung*", "Zahlung*", "Gutschrift*", "Mahnung*", "facture*", "facturation", "paiement*", "remboursement*",
				"factura*", "pago*", "reembolso*")
				|| text.mentions("charged twice", "double charge*", "wrong invoice", "incorrect invoice", "doppelt abgebucht", "facturé deux fois", "cobrado dos veces")`,
			Then: Outcome{Category: Billing, Impact: 1, Likelihood: 1, Urgency: UrgencyLow, AssignRole: "analyst"},
			Why:  "Money matters go to accounts. Invoices are also bait, so a filter may still set them aside.",
		},
		{
			Name: "support",
			When: `subject.mentions("help", "how to", "how do I", "question*", "cannot log in", "can't log in", "login problem*", "password reset", "support",
				"Hilfe", "Frage*", "Passwort", "aide", "mot de passe", "ayuda", "pregunta*", "contraseña")
				|| text.mentions("how do I", "how can I", "could you help", "can you help", "wie kann ich", "können Sie mir helfen",
				"comment puis-je", "pouvez-vous m'aider", "cómo puedo", "pueden ayudarme", "me pueden ayudar")`,
			Then: Outcome{Category: Support, Impact: 1, Likelihood: 2, Urgency: UrgencyNormal, AssignRole: "analyst"},
			Why:  "Ordinary questions of use.",
		},
	}
}

// asides are the rules that set mail aside. They look only at what no rule
// above has kept.
func asides() Set {
	return Set{
		{
			Name: "marked as spam on the way",
			When: `headers["x-spam-flag"] in ["YES", "Yes", "yes"] || headers["x-spam-status"].startsWith("Yes")`,
			Then: Outcome{Disposition: Spam},
			Why:  "The relay in front of us has judged it; nobody gains by claiming it falsely.",
		},
		{
			Name: "words of spam",
			When: `party_kind == "" && mentions("viagra", "cialis", "online pharmacy", "without prescription", "cheap meds", "penis enlargement",
				"online casino", "casino bonus", "lottery winner*", "won the lottery", "you have won", "million united states dollars",
				"next of kin", "inheritance fund*", "make money fast", "make money online", "double your income", "earn extra cash",
				"hot singles", "adult dating", "replica watches", "refinance your mortgage", "lowest mortgage rates",
				"seo services", "seo expert*", "first page of google", "quality backlinks", "guest post*", "link exchange", "sponsored post*",
				"Lotteriegewinn*", "Sie haben gewonnen", "vous avez gagné", "usted ha ganado", "ha sido seleccionado como ganador")`,
			Then: Outcome{Disposition: Spam},
			Why:  "Phrases that strangers write only for one reason. Known parties are exempt, and set-aside mail is sampled.",
		},
		{
			Name: "program from a stranger",
			When: `party_kind == "" && !authenticated && attachment_types.exists(t, t in ["application/x-msdownload", "application/x-msdos-program",
				"application/x-dosexec", "application/x-sh", "application/x-bat", "application/hta", "application/java-archive"])`,
			Then: Outcome{Disposition: Spam},
			Why:  "A program from somebody unknown, in nobody's name, that reports nothing.",
		},
		{
			Name: "newsletter",
			When: `party_kind == "" && ` + bulk,
			Then: Outcome{Disposition: OutOfScope},
			Why:  "Bulk mail from a sender we have no relation with asks nothing of us.",
		},
	}
}

// mailboxes are the rules that go by the address written to where nothing else decided,
// and the last one, that leaves nothing open.
func mailboxes() Set {
	return Set{
		{
			Name: "mailbox for security",
			When: `mailbox in ["security", "psirt", "cert", "abuse", "soc"]`,
			Then: Outcome{Category: Incident, Impact: 2, Likelihood: 2, Urgency: UrgencyHigh, AssignRole: "analyst"},
			Why:  "Somebody chose the address for security: until read, it counts as a suspected incident.",
		},
		{
			Name: "mailbox for privacy",
			When: `mailbox in ["privacy", "dpo", "datenschutz", "rgpd", "gdpr", "privacidad"]`,
			Then: Outcome{Category: Privacy, Impact: 2, Likelihood: 2, Urgency: UrgencyNormal, AssignRole: "legal"},
			Why:  "Somebody chose the address for privacy.",
		},
		{
			Name: "mailbox for press",
			When: `mailbox in ["press", "media", "presse", "prensa"]`,
			Then: Outcome{Category: Press, Impact: 1, Likelihood: 2, Urgency: UrgencyHigh, AssignRole: "executive"},
			Why:  "Somebody chose the address for the press.",
		},
		{
			Name: "mailbox for billing",
			When: `mailbox in ["billing", "accounts", "invoices", "rechnung", "facturation", "facturacion"]`,
			Then: Outcome{Category: Billing, Impact: 1, Likelihood: 1, Urgency: UrgencyLow, AssignRole: "analyst"},
			Why:  "Somebody chose the address for money matters.",
		},
		{
			Name: "everything else",
			When: `true`,
			Then: Outcome{Category: Support, Impact: 1, Likelihood: 2, Urgency: UrgencyNormal, AssignRole: "analyst"},
			Why:  "Nothing stays unclassified: an analyst reads it.",
		},
	}
}
