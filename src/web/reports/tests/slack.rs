//! Slack's slash command: whose signature counts, what is answered, and who is a stranger.

use super::*;

impl Ways {
    pub(super) async fn slack(&self, fields: &[(&str, &str)]) -> Answer {
        let mut all =
            vec![("team_id", "T0AA"), ("user_id", "U1"), ("user_name", "ana"), ("command", "/redhandle")];
        all.extend(fields);
        self.slack_signed(&form(&all), SECONDS, SLACK_SECRET).await
    }

    async fn slack_signed(&self, body: &str, at: i64, secret: &str) -> Answer {
        let time = at.to_string();
        let signature = format!("v0={}", hmac(secret, format!("v0:{time}:{body}").as_bytes()));
        let headers =
            [("x-slack-request-timestamp", time.as_str()), ("x-slack-signature", signature.as_str())];
        self.post("/v1/slack/commands", &headers, body).await
    }
}

#[tokio::test]
async fn slack_is_known_by_its_signature() {
    // The signature is what Python's hmac computes of "v0:1763694000:" and this body.
    let body = "token=x&team_id=T0AA&user_id=U1&command=%2Fredhandle&text=report+hacker%3A+it+%26lt%3Bburns%26gt%3B&trigger_id=1.2.ab";
    let good = "v0=b20c9a32e276736be6cd200a060cf2971b4f1786e418ed286b5725035b21ed11";
    let ways = Ways::new();
    let post = async |time: &str, signature: &str, body: &str| {
        let headers = [("x-slack-request-timestamp", time), ("x-slack-signature", signature)];
        ways.post("/v1/slack/commands", &headers, body).await.status
    };
    assert_eq!(post("1763694000", good, body).await, 200);
    let taken = ways.only();
    assert_eq!((taken.report.title.as_str(), taken.report.source), ("it <burns>", ReportSource::Hacker));
    assert!(taken.vouched && taken.way == Way::Slack);
    let tampered = body.replace("burns", "learns");
    for (time, signature, body) in [
        ("1763694000", good, tampered.as_str()),
        ("1763694001", good, body),
        ("1763694000", &good[3..], body),
        ("1763694000", "v0=", body),
        ("+1763694000", good, body),
        ("1763694000", &good.replace("v0=", "v1="), body),
    ] {
        assert_eq!(post(time, signature, body).await, 401, "{time} {signature}");
    }
    let at = async |at| ways.slack_signed(body, at, SLACK_SECRET).await.status;
    assert_eq!([at(SECONDS - 300).await, at(SECONDS + 300).await], [200, 200], "both bounds are within");
    assert_eq!([at(SECONDS - 301).await, at(SECONDS + 301).await], [401, 401]);
    assert_eq!(ways.slack_signed(body, SECONDS, "another-signing-secret").await.status, 401);
    assert_eq!(ways.slack_signed(&body.replace("T0AA", "T0BB"), SECONDS, SLACK_SECRET).await.status, 403);
    assert_eq!(ways.taken().len(), 1, "what Slack sent again made no second report");
}

#[tokio::test]
async fn who_is_not_named_in_slack_is_heard_as_a_stranger_and_told_so() {
    let name = |settings: &mut Reports| {
        let slack = settings.slack.as_mut().unwrap();
        slack.users = Some(["U1".to_owned(), "W2".to_owned()].into());
    };
    let ways = Ways::with(name, false);
    let said = async |user: &str, trigger: &str| {
        let fields = [("user_id", user), ("text", "report security-team: it burns"), ("trigger_id", trigger)];
        let mut all = vec![("team_id", "T0AA"), ("user_name", "ana"), ("command", "/redhandle")];
        all.extend(fields);
        let answer = ways.slack_signed(&form(&all), SECONDS, SLACK_SECRET).await;
        assert_eq!(answer.status, 200, "anything else shows nobody why");
        answer.json()["text"].as_str().unwrap().to_owned()
    };
    assert!(said("U1", "1").await.starts_with("Recorded as INC-1: it burns."));
    insta::assert_snapshot!(said("U3", "2").await, @"Recorded as INC-2, unverified: you are not among the people whom your team named for this command ([reports.slack] users), so your words stand in no page. Triage decides; if it is urgent, tell somebody of the security team yourself. To be named, give them your id: U3.");
    assert!(said("", "3").await.starts_with("Recorded as INC-3, unverified"), "nobody is a stranger, too");
    assert!(said("U3", "4").await.starts_with("Recorded as INC-4, unverified"));
    // Strangers have a rate of their own, which keeps nobody else out.
    assert!(said("U3", "5").await.starts_with("NOT RECORDED: too many reports"));
    assert!(said("W2", "6").await.starts_with("Recorded as INC-5: it burns."));
    let taken = ways.taken();
    assert_eq!(taken.iter().map(|one| one.vouched).collect::<Vec<_>>(), [true, false, false, false, true]);
    assert!(taken.iter().all(|one| one.way == Way::Slack));
    assert_eq!(taken[1].sender.as_deref(), Some("user U3 (ana) of workspace T0AA"));
}

#[tokio::test]
async fn slack_is_answered_in_its_form_and_nothing_mentions() {
    let ways = Ways::new();
    let said = async |text: &str| {
        let answer = ways.slack(&[("text", text), ("trigger_id", text)]).await;
        let value = answer.json();
        assert_eq!(
            (answer.status, &value["response_type"], &value["mrkdwn"]),
            (200, &json!("ephemeral"), &json!(false))
        );
        value["text"].as_str().unwrap().to_owned()
    };
    let told = [
        said("report <!channel> &lt;@U1&gt; look").await,
        said("report law enforcement: a letter came\nwith a second line").await,
        said("report").await,
        said("").await,
        said("propose pause").await,
    ];
    insta::assert_snapshot!(told.join("\n"), @"
    Recorded as INC-1: &lt;!channel&gt; &lt;@U1&gt; look. Whoever is on call for triage is paged, unless your team decided otherwise for this source.
    Recorded as INC-2: a letter came. Whoever is on call for triage is paged, unless your team decided otherwise for this source.
    Say what is wrong: /redhandle report SOURCE: what is wrong, in one line; more lines may follow. SOURCE may be left away, or is one of support, customer, hacker, security-team, law-enforcement, other. It opens a triage and pages whoever is on call; it never signs or pauses anything.
    Say what is wrong: /redhandle report SOURCE: what is wrong, in one line; more lines may follow. SOURCE may be left away, or is one of support, customer, hacker, security-team, law-enforcement, other. It opens a triage and pages whoever is on call; it never signs or pauses anything.
    Say what is wrong: /redhandle report SOURCE: what is wrong, in one line; more lines may follow. SOURCE may be left away, or is one of support, customer, hacker, security-team, law-enforcement, other. It opens a triage and pages whoever is on call; it never signs or pauses anything.
    ");
    let taken = ways.taken();
    assert_eq!(
        taken.iter().map(|one| one.report.source).collect::<Vec<_>>(),
        [ReportSource::SecurityTeam, ReportSource::LawEnforcement]
    );
    assert_eq!(taken[1].report.text.as_deref(), Some("a letter came\nwith a second line"));
    assert_eq!(taken[0].report.contact.as_deref(), Some("Slack: user U1 (ana) of workspace T0AA"));
}
