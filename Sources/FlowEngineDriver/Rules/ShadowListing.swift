// SPDX-License-Identifier: Apache-2.0
import Tables

/// A record of the shadow as people see it.
public struct ShadowEntry: Sendable {
    public enum State: String, Sendable {
        /// Words of it were being written; they are written again at the next start.
        case writing
        /// The card has all of it.
        case settled
        /// It was being taken out; that is finished at the next start.
        case going
        /// The record was written by another version, for a card that is read in another way, or is damaged.
        case foreign
    }

    public var place: RulePlace
    public var state: State
    /// nil of a foreign record.
    public var rule: CardRule?
    /// `emh type 3, slot 0x1a2b, rule 17`
    public var text: String
}

extension CardShadow {
    /// What the shadow says, without a card: in the order of places.
    public func entries(in book: RuleBook) -> [ShadowEntry] {
        records.sorted { $0.key < $1.key }.compactMap { number, bytes in
            guard let place = RulePlace(ordinal: Int(clamping: number)) else { return nil }
            guard let record = ShadowRecord(bytes), let rule = book.rule(record, at: place) else {
                return ShadowEntry(place: place, state: .foreign, rule: nil, text: "\(place)")
            }
            let state: ShadowEntry.State =
                switch record.state {
                case .writing: .writing
                case .settled: .settled
                case .going: .going
                }
            return ShadowEntry(place: place, state: state, rule: rule, text: book.describe(rule))
        }
    }
}

extension CardAudit {
    /// Of the rules that the shadow says the card has.
    ///
    /// - Parameters:
    ///   - book: of the card, and empty.
    ///   - ports: the card's ports that frames can be sent into.
    public init(_ shadow: CardShadow, book: RuleBook, ports: [Int]) {
        var book = book
        var left: [Skipped] = []
        for entry in shadow.entries(in: book) {
            let why =
                switch entry.state {
                case .settled: entry.rule.map { book.adopt($0) } == true ? nil : "its place is another rule's"
                case .writing: "its words were being written when the shadow was"
                case .going: "it is being taken out"
                case .foreign: "its record is of another version, of a card that is read in another way, or damaged"
                }
            if let why { left.append(Skipped(place: entry.place, rule: entry.text, why: why)) }
        }
        self.init(book, ports: ports)
        skipped += left
    }
}
