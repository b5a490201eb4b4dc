// SPDX-License-Identifier: Apache-2.0
import FlowEngineRegisters

/// Why a card cannot be used, or did not do what it was told.
public enum CardError: Error, Hashable, Sendable {
    case bus(BusError)
    /// The register map of this card is in no public source.
    case unknownMapRevision(found: UInt32, known: [Int])
    /// The key sets of this card are in no public source.
    case unknownHashRevision(found: UInt32, known: [Int])
    /// After a reset another kind of card answers.
    case another(found: String, expected: String)
    /// The bitstream, or the map revision, has no such thing.
    case missing(feature: String, card: String)
    /// How to do it is in no public source.
    case notPublic(String)
    /// A setting the card cannot have.
    case invalid(setting: String, value: String, expected: String)
    case shadow(CardShadowError)
}

extension CardError: CustomStringConvertible {
    public var description: String {
        func list(_ numbers: [Int]) -> String { numbers.map { "\($0)" }.joined(separator: ", ") }
        return switch self {
        case .bus(let error): error.description
        case .unknownMapRevision(let found, let known):
            "the card's register map is revision \(found); known are \(list(known))"
        case .unknownHashRevision(let found, let known):
            "the card's key sets are revision \(found) (FLOW_CACHE HASH_ID); known are \(list(known)); if the bitstream is one "
                + "of these under another number, configure the hash revision"
        case .another(let found, let expected):
            "another card answers: \(found), not \(expected); start again to use it"
        case .missing(let feature, let card): "\(card) has no \(feature)"
        case .notPublic(let what): "\(what): how this card does it is not public"
        case .invalid(let setting, let value, let expected): "\(setting) cannot be \(value); expected \(expected)"
        case .shadow(let error): "the card's shadow: \(error)"
        }
    }
}
