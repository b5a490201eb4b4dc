// SPDX-License-Identifier: Apache-2.0

/// Where a rule is in the card.
public enum RulePlace: Hashable, Sendable {
    /// A rule that a hash slot points at: 1...511.
    case exact(Int)
    /// An entry of the collision table.
    case collision(Int)
    /// A rule and its TCAM entry.
    case masked(Int)

    static let exactRules = 512
    static let collisionWindow = 1024
    static let maskedWindow = 512
    static let count = exactRules + collisionWindow + maskedWindow

    /// All places in a row, whatever the card has of them: the number under which the shadow keeps the rule.
    public var ordinal: Int {
        switch self {
        case .exact(let rule): rule
        case .collision(let entry): Self.exactRules + entry
        case .masked(let rule): Self.exactRules + Self.collisionWindow + rule
        }
    }

    public init?(ordinal: Int) {
        switch ordinal {
        case 1..<Self.exactRules: self = .exact(ordinal)
        case Self.exactRules..<Self.exactRules + Self.collisionWindow: self = .collision(ordinal - Self.exactRules)
        case Self.exactRules + Self.collisionWindow..<Self.count:
            self = .masked(ordinal - Self.exactRules - Self.collisionWindow)
        default: return nil
        }
    }
}

extension RulePlace: CustomStringConvertible {
    /// `emh rule 17`
    public var description: String {
        switch self {
        case .exact(let rule): "emh rule \(rule)"
        case .collision(let entry): "collision entry \(entry)"
        case .masked(let rule): "ema rule \(rule)"
        }
    }
}
