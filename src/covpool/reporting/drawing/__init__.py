"""Scales and charts, drawn as SVG."""
