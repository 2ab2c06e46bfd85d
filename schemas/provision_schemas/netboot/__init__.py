"""What the boot service knows of operating systems, firmware and loaders."""
