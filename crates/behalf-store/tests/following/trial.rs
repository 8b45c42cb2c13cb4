//! Whatever happens to two nodes and the line of one of them, no answer is staler than promised.

use super::*;

/// What happens to two nodes; B's line is the one that fails.
#[derive(Debug, Clone, Copy)]
enum Event {
    ChangeOn(Node),
    /// Something is asked of a node, which answers from what it remembers if it may.
    AskB,
    Line(Carries),
    Deafen(bool),
    Pass(Duration),
}

#[derive(Debug, Clone, Copy)]
enum Node {
    A,
    B,
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let millis = |range| Strategy::prop_map(range, Duration::from_millis);
    let event = prop_oneof![
        4 => Just(Event::ChangeOn(Node::A)),
        1 => Just(Event::ChangeOn(Node::B)),
        8 => Just(Event::AskB),
        2 => millis(0..4_000_u64).prop_map(|delay| Event::Line(Carries::After(delay))),
        2 => Just(Event::Line(Carries::After(Duration::ZERO))),
        1 => Just(Event::Line(Carries::Nothing)),
        1 => Just(Event::Line(Carries::Silence)),
        1 => any::<bool>().prop_map(Event::Deafen),
        6 => millis(0..3_000_u64).prop_map(Event::Pass),
        1 => millis(0..40_000_u64).prop_map(Event::Pass)
    ];
    vec(event, 30..90)
}

/// What B remembers, and what was true when.
struct Trial {
    a: Store,
    b: (Store, Arc<Line>),
    started: Instant,
    /// What was committed when; the state is the position.
    history: Vec<Instant>,
    /// The newest state that B committed itself.
    own: usize,
    remembered: Option<(Stamp, usize)>,
    /// Since when B's line carries everything at once.
    well_since: Option<Instant>,
    answered: Answered,
}

/// How many answers there were, by standing.
#[derive(Debug, Default)]
struct Answered {
    current: usize,
    away: usize,
    refused: usize,
}

impl Trial {
    async fn begin() -> Self {
        let database = Arc::default();
        let ((a, _), b) = (node(&database).await, node(&database).await);
        write(&a, 0).await.unwrap();
        let now = Instant::now();
        Self {
            a,
            b,
            started: now,
            history: vec![now],
            own: 0,
            remembered: None,
            well_since: Some(now),
            answered: Answered::default(),
        }
    }

    async fn change(&mut self, node: Node) {
        let state = self.history.len();
        let store = match node {
            Node::A => &self.a,
            Node::B => &self.b.0,
        };
        // Noted before it is tried: a line that fails afterwards does not take it back.
        self.history.push(Instant::now());
        let committed = write(store, state).await;
        match (node, committed) {
            (Node::A, committed) => assert!(committed.is_ok()),
            (Node::B, Ok(_)) => self.own = state,
            (Node::B, Err(_)) => {
                self.history.pop();
            }
        }
    }

    async fn ask(&mut self) {
        let store = &self.b.0;
        let asked = Instant::now();
        let warm = self.remembered.filter(|(stamp, _)| store.is_current(stamp));
        let standing = store.standing();
        let state = match (standing, warm) {
            (Standing::Lost, _) => None,
            (_, Some((_, state))) => Some(state),
            (_, None) => {
                let reading = store.reading();
                let found = reading.tenant(database::acme(0).id).await.ok().flatten();
                found.map(|found| {
                    let state = found.value.display_name.parse().unwrap();
                    self.remembered = Some((reading.stamp(), state));
                    state
                })
            }
        };
        let Some(state) = state else {
            self.answered.refused += 1;
            return;
        };
        let bound = match standing {
            Standing::Current => {
                self.answered.current += 1;
                BOUND
            }
            Standing::Away { lasting } => {
                self.answered.away += 1;
                assert!(lasting <= BOUND + WINDOW);
                lasting
            }
            Standing::Lost => unreachable!(),
        };
        let well = self.well_since.is_some_and(|since| asked - since > 8 * SECOND);
        let bound = if well { 2 * SECOND } else { bound };
        assert!(state >= self.own, "what it committed itself it knows at once");
        if let Some(replaced) = self.history.get(state + 1) {
            let late = asked.saturating_duration_since(*replaced);
            assert!(late <= bound, "{late:?} stale, {standing:?}, well: {well}");
        }
    }

    async fn happens(&mut self, event: Event) {
        match event {
            Event::ChangeOn(node) => self.change(node).await,
            Event::AskB => self.ask().await,
            Event::Line(carries) => {
                self.b.1.becomes(carries);
                let well = carries == Carries::After(Duration::ZERO);
                let since = self.well_since.unwrap_or_else(Instant::now);
                self.well_since = well.then_some(since);
            }
            Event::Deafen(deaf) => self.b.1.deafen(deaf),
            Event::Pass(duration) => sleep(duration).await,
        }
        assert!(self.started.elapsed() < Duration::from_hours(2));
    }
}

/// Thousands of answers on one node after changes on another, with news that come, are lost
/// or late, and a line that is slow, cut or dead: none is staler than its standing allows.
#[test]
fn no_answer_is_staler_than_the_bound() {
    let config = ProptestConfig { rng_seed: RngSeed::Fixed(4), ..ProptestConfig::default() };
    let mut runner = TestRunner::new(config);
    let mut all = Answered::default();
    for _ in 0..400 {
        let events = events().new_tree(&mut runner).unwrap().current();
        let mut time = tokio::runtime::Builder::new_current_thread();
        let paused = time.enable_time().start_paused(true).build().unwrap();
        let answered = paused.block_on(async {
            let mut trial = Trial::begin().await;
            for event in &events {
                trial.happens(*event).await;
            }
            trial.answered
        });
        all.current += answered.current;
        all.away += answered.away;
        all.refused += answered.refused;
    }
    assert!(all.current > 3_000 && all.away > 300 && all.refused > 300, "{all:?}");
}
