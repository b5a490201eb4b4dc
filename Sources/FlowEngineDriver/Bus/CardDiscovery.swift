// SPDX-License-Identifier: Apache-2.0

/// Something on this machine that may be a card. Only probing it tells.
public struct CardCandidate: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
        /// A PCI function, for `PCIeConfiguration.function`.
        case pcie(function: String, identity: PCIIdentity)
        /// A device node, for `SpidevConfiguration.path`.
        case spi(path: String)
    }

    public var place: Place
    /// The kernel driver that holds it; nil if none does.
    public var driver: String?

    public init(_ place: Place, driver: String? = nil) { (self.place, self.driver) = (place, driver) }
}

extension CardCandidate: CustomStringConvertible {
    public var description: String {
        let what =
            switch place {
            case .pcie(let function, let identity): "PCIe \(function) (\(identity))"
            case .spi(let path): "SPI \(path)"
            }
        return driver.map { "\(what), driver \($0)" } ?? what
    }
}

extension CardCandidate {
    /// Looks at sysfs and `/dev`; touches nothing.
    ///
    /// - Parameter identities: of PCI functions that may be cards. `10ee:0000` is what any design with a Xilinx core may
    ///   show.
    public static func all(
        sysfs: String = "/sys", devices: String = "/dev", identities: [PCIIdentity] = PCIIdentity.trustNodes
    ) -> [CardCandidate] {
        pcie(sysfs, identities) + spi(sysfs, devices)
    }

    private static func pcie(_ sysfs: String, _ identities: [PCIIdentity]) -> [CardCandidate] {
        let folder = "\(sysfs)/bus/pci/devices"
        return SystemFile.names(in: folder).compactMap { name in
            // A function may go away between being listed and being read.
            guard PCIFunction.isFunction(name), let function = try? PCIFunction(folder: "\(folder)/\(name)"),
                identities.contains(function.identity)
            else { return nil }
            return CardCandidate(
                .pcie(function: name, identity: function.identity),
                driver: SystemFile.linkTarget("\(folder)/\(name)/driver"))
        }
    }

    private static func spi(_ sysfs: String, _ devices: String) -> [CardCandidate] {
        SystemFile.names(in: devices).filter { $0.hasPrefix("spidev") }.map { name in
            // Bus and chip select name the device in sysfs as they do here: spidev0.1 is spi0.1.
            let device = "\(sysfs)/bus/spi/devices/spi\(name.dropFirst("spidev".count))"
            return CardCandidate(.spi(path: "\(devices)/\(name)"), driver: SystemFile.linkTarget("\(device)/driver"))
        }
    }
}
