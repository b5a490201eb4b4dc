// SPDX-License-Identifier: Apache-2.0
import Tables

/// Finds the megaflows that packets can be offloaded in, from tables as the front knows them.
public protocol MegaflowPlanner: AnyObject {
    /// - Parameter sample: all the fields of some packets that are known.
    /// - Returns: those to try, the best first; never none. Or why there are none.
    func candidates(for sample: Megaflow) -> Result<[OffloadCandidate], OffloadRefusal>
}

/// A megaflow that could be on the card.
public struct OffloadCandidate: Hashable, Sendable {
    public var megaflow: Megaflow
    /// The learned station that every one of its frames is from: it is seen when the rule is hit.
    public var refreshes: OffloadSubject?

    public init(_ megaflow: Megaflow, refreshes: OffloadSubject? = nil) {
        (self.megaflow, self.refreshes) = (megaflow, refreshes)
    }
}
