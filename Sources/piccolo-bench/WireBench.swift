// SPDX-License-Identifier: Apache-2.0
struct WireBench {
    var rounds: Int
    var isQuick: Bool
    var cpu: Int
    func run(into report: inout Report) throws {}
}
