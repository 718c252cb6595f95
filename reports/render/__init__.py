"""From figures to what people read: one document, written as Markdown, HTML, SVG and CSV."""
