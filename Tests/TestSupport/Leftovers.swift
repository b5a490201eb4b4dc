// SPDX-License-Identifier: Apache-2.0
import Foundation
import Netlink

/// What tests may leave behind by mistake: names of namespaces, links of this namespace, files under a folder.
///
/// Take one before and one after, and expect `added(since:)` to be empty. Other tests run at the same time: compare
/// only what the test itself could have made, by `prefix`.
public struct Leftovers: Sendable {
    /// Everything found, each with its kind in front.
    public let items: Set<String>

    /// Looks around. `pinFolder` is a folder of bpffs; only names that start with `prefix` count.
    public init(prefix: String, pinFolder: String? = nil) throws {
        var items: Set<String> = []
        for name in try NetworkNamespace.names() where name.hasPrefix(prefix) {
            items.insert("network namespace \(name)")
        }
        var netlink = try NetlinkSocket()
        for link in try netlink.links() where link.name.hasPrefix(prefix) {
            items.insert("link \(link.name)")
        }
        if let pinFolder {
            for name in FileManager.default.enumerator(atPath: pinFolder) ?? .init() {
                if let name = name as? String, name.hasPrefix(prefix) { items.insert("pin \(pinFolder)/\(name)") }
            }
        }
        self.items = items
    }

    /// What is here and was not there, sorted.
    public func added(since earlier: Leftovers) -> [String] {
        items.subtracting(earlier.items).sorted()
    }
}
