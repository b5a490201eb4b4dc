// SPDX-License-Identifier: Apache-2.0
import Controller

/// The memory of a node that has to run without: nothing can be stored, and what could be read, if anything, is handed
/// out.
public final class UnavailableStore: NodeStore {
    private let reason: StoreProblem
    private let node: StoredNode
    private let amendments: [Amendment]

    /// - Parameter problem: why there is no other; every change fails with it.
    public init(_ problem: StoreProblem, node: StoredNode = StoredNode(), amendments: [Amendment] = []) {
        (reason, self.node, self.amendments) = (problem, node, amendments)
    }

    public var problem: StoreProblem? { reason }
    public var notices: [String] { [] }

    public func load(count: (Int) -> Void, _ amendment: (Amendment) -> Void) throws(StoreProblem) -> StoredNode {
        count(amendments.count)
        amendments.forEach(amendment)
        return node
    }

    public func commit(_ change: sending StoreChange, completion: @escaping @Sendable (StoreProblem?) -> Void) {
        completion(reason)
    }

    /// Does nothing: a store that was refused is opened by starting the node again.
    public func recover() {}
    public func close() {}
}
