//! Transactions of the nodes: made, lost, and told of.

use super::*;

impl Net {
    /// Begins a transaction.
    pub(in crate::matching::tests) fn propose(&mut self, node: usize) {
        let now = self.now();
        let node_state = &mut self.nodes[node];
        if node_state.batch.is_some() || node_state.retired {
            return;
        }
        let proposed = node_state.office.next_batch(now);
        if let Some(leader) = node_state.office.leader()
            && !proposed.is_empty()
        {
            let users: BTreeSet<_> = proposed
                .iter()
                .flat_map(|(pair, _)| [pair.older.user, pair.newer.user])
                .collect();
            assert_eq!(users.len(), 2 * proposed.len(), "one pair for a user");
            node_state.batch = Some(Batch {
                term: leader.term,
                fence: leader.fence,
                proposed,
                outcome: None,
            });
        }
        self.post(node);
    }

    /// The store writes the transaction; its answer is under way.
    pub(in crate::matching::tests) fn write(&mut self, node: usize) {
        let Some(batch) = &mut self.nodes[node].batch else {
            return;
        };
        let begun = self.begun;
        let mut outcome = Vec::new();
        for (pair, proposed) in batch.proposed.drain(..) {
            if batch.fence < begun {
                outcome.push((pair, Verdict::Fenced));
                continue;
            }
            let sides = [proposed.offerer, proposed.answerer];
            let used = |side: NewSide| {
                self.matches
                    .iter()
                    .flatten()
                    .any(|other| other.ticket_id == side.ticket_id)
            };
            let verdict = if sides.into_iter().any(used) {
                let fault =
                    |side: NewSide| used(side).then(|| Fault::Used(Box::new(announcement(side))));
                Verdict::Refused {
                    faults: sides.map(fault),
                    blocked: false,
                }
            } else {
                assert_ne!(sides[0].user_id, sides[1].user_id);
                self.matches.push(sides);
                Verdict::Made(Box::new(made(sides)))
            };
            outcome.push((pair, verdict));
        }
        batch.outcome.get_or_insert_default().extend(outcome);
    }

    /// The store's answer arrives; without [`Net::write`], or when it gets `lost`, it is that
    /// nobody knows.
    pub(in crate::matching::tests) fn answer(&mut self, node: usize, lost: bool) {
        let Some(Batch {
            term,
            proposed,
            outcome,
            ..
        }) = self.nodes[node].batch.take()
        else {
            return;
        };
        let open = proposed
            .into_iter()
            .map(|(pair, _)| (pair, Verdict::Unknown));
        let written = outcome.unwrap_or_default().into_iter();
        let settled: Vec<_> = written
            .map(|(pair, verdict)| (pair, if lost { Verdict::Unknown } else { verdict }))
            .chain(open)
            .collect();
        for (_, verdict) in &settled {
            let tickets: Vec<TicketId> = match verdict {
                Verdict::Made(made) => vec![made.offerer.ticket_id, made.answerer.ticket_id],
                Verdict::Refused { faults, .. } => faults
                    .iter()
                    .flatten()
                    .filter_map(|fault| {
                        if let Fault::Used(used) = fault {
                            Some(TicketId(used.session.0))
                        } else {
                            None
                        }
                    })
                    .collect(),
                Verdict::Unknown | Verdict::Fenced => Vec::new(),
            };
            for ticket in tickets {
                self.tell(node, ticket);
            }
        }
        let now = self.now();
        if let Some(ended) = self.nodes[node].office.settle(term, settled, now) {
            let id = self.nodes[node].id;
            self.lease = self.lease.filter(|(holder, _)| *holder != id);
            self.nodes[node].office.vacated(ended);
        }
        self.post(node);
    }

    /// The store is asked about tickets that may have been used.
    pub(super) fn verify(&mut self, node: usize) {
        let now = self.now();
        let sides = self.nodes[node].office.take_unverified();
        let used = self
            .matches
            .iter()
            .flatten()
            .map(|used| used.ticket_id)
            .collect();
        for ticket in self.nodes[node].office.verified(sides, Some(&used), now) {
            self.tell(node, ticket);
        }
        self.post(node);
    }

    /// `match.found` for the device of this ticket, wherever it is.
    fn tell(&mut self, node: usize, ticket: TicketId) {
        *self.told.entry(ticket).or_default() += 1;
        let side = self
            .matches
            .iter()
            .flatten()
            .find(|side| side.ticket_id == ticket)
            .expect("it is used");
        let device = (side.user_id.0, side.session_id.0);
        let Some(line) = self.line_of(device) else {
            return;
        };
        let (from, to) = (self.nodes[node].id, self.conns[line].node_id);
        if from == to {
            self.found(device, to);
        } else if self.redis {
            self.wires
                .entry((from, to))
                .or_default()
                .push_back(Parcel::Found(device));
        } else {
            self.missed.push((device, to));
        }
    }

    pub(in crate::matching::tests) fn found(&mut self, device: Device, node: NodeId) {
        if let Some(line) = self
            .line_of(device)
            .filter(|line| self.conns[*line].node_id == node)
        {
            self.conns[line]
                .heard
                .push(json!({ "type": "match.found" }));
        }
    }

    /// Commits whatever waits, everywhere.
    pub(in crate::matching::tests) fn commit(&mut self) {
        for node in 0..self.nodes.len() {
            self.commit_at(node);
        }
        self.deliver();
    }

    /// Commits whatever waits at one node.
    pub(in crate::matching::tests) fn commit_at(&mut self, node: usize) {
        self.verify(node);
        self.propose(node);
        self.write(node);
        self.answer(node, false);
    }
}
