// SPDX-License-Identifier: Apache-2.0
struct PrefixTree {
    static func nodes(prefixes: Int) -> Int { prefixes }
    init(nodes: UnsafeMutableRawBufferPointer, gracePeriod: any GracePeriod) {}
}
extension XDPDataPlane { func publishRoutes() {} }
