// SPDX-License-Identifier: Apache-2.0
#if Northbound
import Foundation
import Packet
import PiccoloProto
import Tables

/// Checks of single fields. Each names the field relative to the message it stands in; `within` puts the rest of the
/// path before it on the way out, so that nothing is paid for paths while all is well.
enum Field {
    static func within<T>(_ path: @autoclosure () -> String, _ body: () throws(NodeError) -> T) throws(NodeError) -> T {
        do {
            return try body()
        } catch .invalid(let field, let value, let expected) {
            throw .invalid(field: field.isEmpty ? path() : "\(path()).\(field)", value: value, expected: expected)
        } catch {
            throw error
        }
    }

    static func number<T: FixedWidthInteger>(
        _ value: UInt32, _ field: String, in range: ClosedRange<T>
    ) throws(NodeError) -> T {
        guard let number = T(exactly: value), range.contains(number) else {
            throw .invalid(
                field: field, value: "\(value)", expected: "\(range.lowerBound)...\(range.upperBound)")
        }
        return number
    }

    static func port(_ value: UInt32, _ field: String = "port") throws(NodeError) -> PortID {
        PortID(rawValue: try number(value, field, in: 0...PortID.maximum))
    }

    static func vlan(_ value: UInt32, _ field: String = "vlan", untagged: Bool = false) throws(NodeError) -> VLANID {
        VLANID(rawValue: try number(value, field, in: (untagged ? 0 : 1)...4094))
    }

    static func vrf(_ value: UInt32) throws(NodeError) -> VRFID {
        VRFID(rawValue: try number(value, "vrf", in: 0...255))
    }

    static func routerInterface(
        _ value: UInt32, _ field: String = "router_interface"
    ) throws(NodeError) -> RouterInterfaceID {
        RouterInterfaceID(rawValue: try number(value, field, in: 1...1023))
    }

    static func mac(_ bytes: Data, _ field: String = "mac") throws(NodeError) -> MACAddress {
        guard bytes.count == 6 else {
            throw .invalid(field: field, value: "\(bytes.count) bytes long", expected: "6 bytes")
        }
        return MACAddress(rawValue: bytes.reduce(0) { $0 << 8 | UInt64($1) })
    }

    static func address(_ bytes: Data, _ field: String) throws(NodeError) -> IPAddress {
        guard let address = IPAddress(octets: bytes) else {
            throw .invalid(
                field: field, value: "\(bytes.count) bytes long", expected: "4 bytes for IPv4 or 16 for IPv6")
        }
        return address
    }

    static func prefix(_ message: Piccolo_V1_Prefix, _ field: String) throws(NodeError) -> IPPrefix {
        try within(field) { () throws(NodeError) in
            let address = try address(message.address, "address")
            let longest = message.address.count * 8
            guard message.length <= UInt32(longest), let prefix = IPPrefix(address, length: Int(message.length)) else {
                throw .invalid(field: "length", value: "\(message.length)", expected: "0...\(longest)")
            }
            guard prefix.address == address else {
                throw .invalid(
                    field: "address", value: "\(address.description)/\(message.length)",
                    expected: "no bits behind the prefix: \(prefix.description)")
            }
            return prefix
        }
    }

    static func reason(_ name: String, _ field: String = "reason") throws(NodeError) -> Reason {
        guard let reason = Reason(name: name) else {
            throw .invalid(field: field, value: "\"\(name)\"", expected: "a reason's name, such as \"flow_cache\"")
        }
        return reason
    }

    static func missing(_ field: String, _ expected: String) -> NodeError {
        .invalid(field: field, value: "absent", expected: expected)
    }

    /// An enumeration's value that this version does not know.
    static func unknown(_ field: String, _ value: Int, _ expected: String) -> NodeError {
        .invalid(field: field, value: "\(value)", expected: expected)
    }
}

extension MACAddress {
    var wire: Data { Data((0..<6).map { UInt8(truncatingIfNeeded: rawValue >> UInt64(40 - 8 * $0)) }) }
}

extension IPAddress {
    var wire: Data { Data(octets) }
}

extension IPPrefix {
    var wire: Piccolo_V1_Prefix { .with { ($0.address, $0.length) = (address.wire, UInt32(length)) } }
}
#endif
