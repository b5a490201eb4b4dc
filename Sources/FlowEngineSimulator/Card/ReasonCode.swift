// SPDX-License-Identifier: Apache-2.0

/// Why a frame was dropped or sent to the processor: the card's own numbers, as in its CPU-port tag and its statistics.
/// Source: RThat_wireshark, `rthatdissector.c`.
public enum ReasonCode: UInt8, Hashable, Sendable, CaseIterable, BitwiseCopyable {
    case macRXError = 0
    case oversize = 1
    case fragment = 2
    case runt = 3
    case frameCheck = 6
    case pause = 7
    case sixTreeSource = 8
    case sixTreeDestination = 9
    case addressLoopback = 10
    case portLoopback = 11
    case portDisabled = 12
    case action = 13
    case specialCase = 14
    case accelerationDatapath = 15
    case trafficManager = 16
    case notTagged = 17
    case gateClosed = 18
    case none = 19
    case processorDefault = 26
    case processorSpecialCase = 27
    case processorRule = 28
    case processorSwitched = 29
    case processorFlood = 30
    case processorRouted = 31
}

extension ReasonCode: CustomStringConvertible {
    public var description: String {
        let name =
            switch self {
            case .macRXError: "MAC_RX_ER"
            case .oversize: "OVERSIZE"
            case .fragment: "FRAGMENT"
            case .runt: "RUNT"
            case .frameCheck: "FCS"
            case .pause: "RX_PAUSE"
            case .sixTreeSource: "6T_SRC_ADDR_UPSTREAM"
            case .sixTreeDestination: "6T_DST_ADDR_DOWNSTREAM"
            case .addressLoopback: "ADDR_LOOPBACK"
            case .portLoopback: "PORT_LOOPBACK"
            case .portDisabled: "PORT_DISABLED"
            case .action: "NOC_ACTION"
            case .specialCase: "DROP_SPECIAL_CASE"
            case .accelerationDatapath: "ACC_DP"
            case .trafficManager: "TM_CT"
            case .notTagged: "MAC_NOT_DSA_TAGGED"
            case .gateClosed: "QCI_GATE_CLOSED"
            case .none: "NONE"
            case .processorDefault: "PROC_ACC_DEFAULT"
            case .processorSpecialCase: "PROC_SPECIAL_CASE"
            case .processorRule: "PROC_FC_RULE"
            case .processorSwitched: "PROC_ETHSW_SWITCHED"
            case .processorFlood: "PROC_ETHSW_FLOOD"
            case .processorRouted: "PROC_MAC_ROUTED"
            }
        return "\(rawValue) \(name)"
    }
}
