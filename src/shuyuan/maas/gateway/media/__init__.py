"""The verbs on sound and pictures: judged by their headers before anything opens them."""
