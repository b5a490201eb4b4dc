// SPDX-License-Identifier: Apache-2.0
import Tables

/// Why something hot is not on the card.
public enum OffloadObstacle: Hashable, Sendable {
    /// The card, or the proof, refused it.
    case refused(OffloadRefusal)
    /// A table is full of rules that are not clearly colder; the coldest, packets per second.
    case colder(than: Double, table: String?)
    /// Its owner, by title, has all of the card that it can have, of rules that are not clearly colder.
    case share(of: String)
    /// Its turn has not come: the bus carries so many changes.
    case waits
}

extension OffloadObstacle: CustomStringConvertible {
    public var description: String {
        switch self {
        case .refused(let refusal): refusal.description
        case .colder(let rate, let table):
            "not clearly hotter than the coldest rule \(table.map { "in \($0) of" } ?? "on") the card (\(Int(rate)) pps)"
        case .share(let owner): "\(owner) has its share of the card"
        case .waits: "waits for its turn to move"
        }
    }
}

/// What was refused, why, and when it may be tried again. Bounded: with more of them than `capacity`, those that may be tried
/// soonest are forgotten.
struct RefusalMemory: Sendable {
    struct Note: Sendable {
        var obstacle: OffloadObstacle
        /// Nanoseconds; not tried before.
        var until: UInt64
        var failures = 0
        /// The table that had no room for it, where that was the reason.
        var fullTable: String?
        /// When it was last a candidate.
        var seen: UInt64
    }

    static let capacity = 4096
    private var notes: [OffloadSubject: Note] = [:]
    var size: Int { notes.count }
    private(set) var count: [String: UInt64] = [:]

    subscript(subject: OffloadSubject) -> Note? { notes[subject] }

    /// It is on the card. Failures before count on if it does not work there.
    mutating func placed(_ subject: OffloadSubject) {
        guard let note = notes[subject] else { return }
        if note.failures == 0 { notes[subject] = nil } else { notes[subject]?.fullTable = nil }
    }

    /// Tables changed: what could not be proven may be now. It waits no longer than it would have the first time.
    mutating func forgetProofs(settings: TierSettings) {
        for (subject, note) in notes {
            guard case .refused(let refusal) = note.obstacle, case .notUniform = refusal else { continue }
            notes[subject]?.until = min(note.until, note.seen &+ settings.firstBackOff)
            notes[subject]?.failures = 0
        }
    }

    /// It was tried, and refused.
    ///
    /// - Parameter mayTryAgain: the next time with another's place; no reason to wait.
    mutating func refuse(
        _ subject: OffloadSubject, _ refusal: OffloadRefusal, now: UInt64, mayTryAgain: Bool, settings: TierSettings
    ) {
        count[refusal.name, default: 0] += 1
        var note = Note(
            obstacle: .refused(refusal), until: now, failures: notes[subject]?.failures ?? 0, seen: now)
        if case .full(let table, _) = refusal { note.fullTable = table }
        if !mayTryAgain {
            let shift = min(note.failures, 16)
            note.until = now &+ min(settings.firstBackOff << UInt64(shift), settings.longestBackOff)
            note.failures += 1
        }
        notes[subject] = note
        guard notes.count > Self.capacity else { return }
        let times = notes.values.map(\.until).sorted()
        let limit = times[times.count / 8]
        notes = notes.filter { $0.value.until > limit }
    }

    /// It was not tried, and why.
    mutating func hold(_ subject: OffloadSubject, _ obstacle: OffloadObstacle, now: UInt64) {
        guard var note = notes[subject] else {
            if notes.count < Self.capacity { notes[subject] = Note(obstacle: obstacle, until: now, seen: now) }
            return
        }
        (note.obstacle, note.seen) = (obstacle, now)
        notes[subject] = note
    }

    /// What was no candidate for long is forgotten, its failures with it.
    mutating func age(now: UInt64, settings: TierSettings) {
        notes = notes.filter { _, note in note.until > now || now &- note.seen < settings.longestBackOff }
    }
}

extension OffloadRefusal {
    /// As in metrics and scripts.
    public var name: String {
        switch self {
        case .noKey: "no_key"
        case .notUniform: "not_uniform"
        case .action: "action"
        case .value: "value"
        case .full: "full"
        case .hardware: "hardware"
        }
    }
}
