// SPDX-License-Identifier: Apache-2.0

/// Vendor and device of a PCI function.
public struct PCIIdentity: Hashable, Sendable, CustomStringConvertible {
    public var vendor: UInt16
    public var device: UInt16
    public init(_ vendor: UInt16, _ device: UInt16) { (self.vendor, self.device) = (vendor, device) }

    /// `10ee:0000`
    public var description: String { "\(Self.digits(vendor)):\(Self.digits(device))" }

    private static func digits(_ number: UInt16) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 4 - digits.count) + digits
    }

    /// What the public TrustNode driver accepts (PCIe device table).
    public static let trustNodes = [
        PCIIdentity(0xaaaa, 0x7024), PCIIdentity(0x10ee, 0x0000), PCIIdentity(0xaaaa, 0x7121),
        PCIIdentity(0xaaaa, 0x7021),
    ]
}

/// Where a card sits on PCIe.
public struct PCIeConfiguration: Hashable, Sendable {
    /// Domain, bus, device and function: `0000:01:00.0`.
    public var function: String
    /// Functions with other identities are refused.
    public var accepted: [PCIIdentity]
    /// The base address register that holds the card's registers.
    public var bar: Int
    /// Bytes the BAR must have. The public tools map 16,384,000.
    public var minimumSize: Int
    /// Where sysfs is.
    public var sysfs: String

    public init(
        function: String, accepted: [PCIIdentity] = PCIIdentity.trustNodes, bar: Int = 1, minimumSize: Int = 16_384_000,
        sysfs: String = "/sys"
    ) {
        (self.function, self.accepted, self.bar) = (function, accepted, bar)
        (self.minimumSize, self.sysfs) = (minimumSize, sysfs)
    }

    /// `pcie 0000:01:00.0 BAR1`
    public var name: String { "pcie \(function) BAR\(bar)" }

    var folder: String { "\(sysfs)/bus/pci/devices/\(function)" }
}
